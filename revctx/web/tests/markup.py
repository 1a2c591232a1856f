"""What every rendered page must keep, checked on its markup."""

from html.parser import HTMLParser

from django.http import HttpResponse

VOID = {"meta", "link", "input", "br", "hr", "img", "line", "path", "rect", "circle"}


class PageReader(HTMLParser):
    """Collects what a page may not hold and what it must."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.references: set[str] = set()
        self.landmarks: set[str] = set()
        self._script_has_source = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._check_policy(tag, attributes)
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append(int(tag[1]))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "main":
            self.landmarks.add(tag)
        if tag == "time" and "datetime" not in attributes:
            self.faults.append("time without datetime")
        if tag == "th" and "scope" not in attributes:
            self.faults.append("th without scope")
        for name in ("aria-labelledby", "aria-describedby", "for", "popovertarget"):
            self.references.update(attributes.get(name, "").split())

    def _check_policy(self, tag: str, attributes: dict[str, str]) -> None:
        if "style" in attributes:
            self.faults.append(f"style attribute on {tag}")
        if tag == "style":
            self.faults.append("style element")
        if tag == "script" and not attributes.get("src", "").startswith("/static/"):
            self.faults.append("inline or foreign script")
        self.faults += [f"{name} on {tag}" for name in attributes if name.startswith("on")]


def read_page(response: HttpResponse) -> PageReader:
    """Parse a response."""
    reader = PageReader()
    reader.feed(response.content.decode())
    return reader


def check_page(response: HttpResponse) -> None:
    """Assert policy header, no inline style or script, one h1, headings in order, references that resolve."""
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    page = read_page(response)
    assert page.faults == []
    assert page.headings.count(1) == 1
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps), page.headings
    assert len(page.ids) == len(set(page.ids)), sorted(page.ids)
    assert page.references <= set(page.ids), page.references - set(page.ids)
    assert page.landmarks == {"main"}
