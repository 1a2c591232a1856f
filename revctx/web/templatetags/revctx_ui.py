"""What templates need to print times, numbers and charts the same way on every page."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from revctx.observability.context import get_request_id
from revctx.web import charts

register = template.Library()

_WEEK = timedelta(days=7)
_COUNTRY_CODE = 3  # letters, as in ISO 3166-1 alpha-3; anything longer is a name
# Codes that are not spelt the way they are written.
_SPELLINGS = {"crm": "CRM", "api": "API", "email": "E-mail", "icp": "ICP", "vp": "VP", "c_level": "C-level"}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _exact(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%a %-d %b %Y, %H:%M:%S UTC")


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%-d %b %Y")


def say_duration(seconds: float) -> str:
    """Return a duration as people say it: `12 m`, `1 h 10 m`, `3 d`."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{max(int(seconds), 0)} s"
    if minutes < 60:
        return f"{minutes} m"
    hours, rest = divmod(minutes, 60)
    if hours < 6 and rest:
        return f"{hours} h {rest} m"
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


@register.filter
def hours_from(at: datetime, now: datetime) -> str:
    """Print a deadline that is counted in hours: `in 71 h`, `3 h ago`; whole hours, rounded down."""
    hours, is_over = int(abs(at - now).total_seconds()) // 3600, at < now
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        _instant(at),
        _exact(at),
        f"{hours} h ago" if is_over else f"in {hours} h",
    )


@register.simple_tag
def when(at: datetime | None, now: datetime | None = None) -> str:
    """Print an instant: relative under a week, else the date; the exact one in the element.

    Without `now` the exact instant is printed, which the browser turns into the reader's zone.
    """
    if at is None:
        return SafeString("–")
    if now is None:
        return format_html(
            '<time datetime="{}" title="{}" data-zone="minute">{}</time>',
            _instant(at),
            _exact(at),
            at.astimezone(UTC).strftime("%a %-d %b, %H:%M UTC"),
        )
    age = now - at
    if abs(age) >= _WEEK:
        return format_html(
            '<time datetime="{}" title="{}" data-zone="day">{}</time>', _instant(at), _exact(at), _day(at)
        )
    if abs(age) < timedelta(seconds=45):
        words = "just now" if age >= timedelta(0) else "in a moment"
    elif age > timedelta(0):
        words = f"{say_duration(age.total_seconds())} ago"
    else:
        words = f"in {say_duration(-age.total_seconds())}"
    return format_html('<time datetime="{}" title="{}">{}</time>', _instant(at), _exact(at), words)


@register.simple_tag
def time_left(until: datetime, now: datetime, since: datetime | None = None) -> str:
    """Print how long is left to decide; amber from half of the time, red from four fifths."""
    left = (until - now).total_seconds()
    whole = (until - since).total_seconds() if since else 0.0
    used = 1 - left / whole if whole > 0 else 0.0
    tone = " late" if used >= 0.8 else " soon" if used >= 0.5 else ""
    words = say_duration(left) if left > 0 else "expired"
    return format_html(
        '<time class="due{}" datetime="{}" title="Expires {}"><span class="vh">time left: </span>{}</time>',
        tone,
        _instant(until),
        _exact(until),
        words,
    )


@register.filter
def score(value: float | None) -> str:
    """Print a score of 0 to 100 as a whole number that never claims a threshold not reached."""
    return "–" if value is None else str(math.floor(value + 1e-9))


@register.filter
def points(value: float | None) -> str:
    """Print points with one decimal."""
    return "–" if value is None else f"{value:.1f}"


@register.filter
def share(value: float | None) -> str:
    """Print a number of 0 to 1 with two decimals."""
    return "–" if value is None else f"{value:.2f}"


@register.filter
def signed(value: float | None) -> str:
    """Print a change of a score with its sign, cut like the score beside it."""
    return "–" if value is None else f"{math.trunc(value):+d}".replace("-", "−")


@register.filter
def signed_fine(value: float | None) -> str:
    """Print a difference with its sign and one decimal."""
    if value is None:
        return "–"
    return f"{value:+.1f}".replace("-", "−") if round(value, 1) else "0.0"


@register.filter
def per_cent(value: float | None) -> str:
    """Return 0 to 1 as per cent for an SVG attribute."""
    return "0" if value is None else f"{100 * min(max(value, 0.0), 1.0):.1f}"


@register.filter
def human(code: Any) -> str:
    """Turn a catalogue code into words: `pricing_page_view` → `Pricing page view`."""
    if spelling := _SPELLINGS.get(str(code)):
        return spelling
    words = str(code or "").replace("_", " ").replace(".", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


@register.filter
def fact(value: Any, name: str = "") -> str:
    """Print what is known of an account: numbers grouped, lists in one line, countries by code or name."""
    if isinstance(value, list):
        return ", ".join(human(item) for item in value)
    if isinstance(value, int | float):
        return f"{value:,}"
    if name == "country":
        return (
            str(value).upper() if len(str(value)) <= _COUNTRY_CODE else str(value).replace("_", " ").title()
        )
    return human(value)


@register.filter
def at(names: dict[Any, str], key: Any) -> str:
    """Return what a mapping has under a key that is known only at print, else the key."""
    return names.get(key, str(key))


@register.filter
def shorten_hash(value: Any) -> str:
    """Print the ends of a hash or id."""
    text = str(value or "")
    return f"{text[:4]}…{text[-2:]}" if len(text) > 10 else text


@register.filter
def ref_number(ref: str) -> str:
    """Print an evidence reference as on its chip: `s1` → `1`, `p4` → `P4`."""
    return ref[1:] if ref.startswith("s") else ref.upper()


@register.filter
def initials(name: str) -> str:
    """Return up to two letters for the round mark of a signed-in user."""
    parts = [part for part in name.replace(".", " ").replace("_", " ").split() if part]
    return "".join(part[0] for part in parts[:2]).upper() or "?"


@register.inclusion_tag("web/charts/spark.html")
def sparkline(
    history: Sequence[charts.Point], threshold: float | None = None, band: str = "", small: bool = False
) -> dict[str, Any]:
    """Draw a score over time without axes, with its threshold and its last value as a dot."""
    low, high = charts.fit_range(history, threshold=threshold)
    line = charts.draw_line(history, threshold=threshold, low=low, high=high)
    return {"line": line, "band": band, "small": small, "threshold": threshold, "last": _last(history)}


@register.inclusion_tag("web/charts/score.html")
def score_chart(history: Sequence[charts.Point], threshold: float | None, band: str = "") -> dict[str, Any]:
    """Draw a score of 0 to 100 over time with labelled axes and threshold."""
    line = charts.draw_line(history, threshold=threshold, low=0.0, high=100.0)
    context: dict[str, Any] = {"line": line, "band": band, "threshold": threshold, "last": _last(history)}
    if line:
        middle = history[0][0] + (history[-1][0] - history[0][0]) / 2
        context |= {"days": [_day(history[0][0]), _day(middle), _day(history[-1][0])]}
    return context


@register.inclusion_tag("web/charts/whisker.html")
def whisker(low: float, middle: float, high: float, span: float) -> dict[str, Any]:
    """Draw an interval as dot and whisker on an axis from −span to +span."""
    return {"place": charts.draw_whisker(low, middle, high, span=span)}


@register.inclusion_tag("web/charts/bar.html")
def bar(value: float | None) -> dict[str, Any]:
    """Draw a bar for a share of 0 to 1."""
    return {"width": per_cent(value)}


@register.simple_tag
def request_id() -> str:
    """Return the id to quote when asking for help."""
    return get_request_id()


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """Return the current query string with some parameters set, or dropped where empty."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        parameters.pop(name, None)
        if value not in (None, ""):
            parameters[name] = str(value)
    return f"?{parameters.urlencode()}" if parameters else "?"


def _last(history: Sequence[charts.Point]) -> float | None:
    return history[-1][1] if history else None
