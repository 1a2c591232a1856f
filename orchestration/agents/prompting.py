"""Versioned prompt texts: Django templates without autoescape, one folder a version."""

from functools import cache
from pathlib import Path
from typing import Any

from django.template import Context, Engine, Template, TemplateDoesNotExist

PROMPTS = Path(__file__).parent / "prompts"


@cache
def _engine() -> Engine:
    return Engine(dirs=[str(PROMPTS)], autoescape=False)


@cache
def _template(path: str) -> Template:
    return _engine().get_template(path)


def render_prompt(path: str, **values: Any) -> str:
    """Render a prompt text, such as `outreach/1/system.txt`."""
    return _template(path).render(Context(values, autoescape=False)).strip()


def find_prompt(path: str, **values: Any) -> str | None:
    """Render a prompt text, or return None where that version has none."""
    try:
        return render_prompt(path, **values)
    except TemplateDoesNotExist:
        return None


def parse_lines(text: str) -> dict[str, str]:
    """Read `key: text` lines; a line without a key continues the one before."""
    lines: dict[str, str] = {}
    key = ""
    for raw in text.splitlines():
        head, colon, rest = raw.partition(":")
        if colon and head.isidentifier():
            key = head
            lines[key] = rest.strip()
        elif key and raw.strip():
            lines[key] = f"{lines[key]} {raw.strip()}"
    return {name: " ".join(text.split()) for name, text in lines.items()}


@cache
def read_phrases(path: str) -> tuple[str, ...]:
    """Read a list of phrases, one a line, lower case; `#` starts a comment."""
    lines = (PROMPTS / path).read_text(encoding="utf-8").splitlines()
    return tuple(line.strip().lower() for line in lines if line.strip() and not line.startswith("#"))
