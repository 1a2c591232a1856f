"""Facts of a company: their form, who is believed, what was known when. Pure: no Django, no clock, no I/O."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

TRUSTED_SOURCES = frozenset({"crm", "user"})  # providers don't overwrite what these say

MAX_TEXT = 64
MAX_ITEMS = 50
MAX_NUMBER = 1e15

Sources = Mapping[str, Sequence[Mapping[str, Any]]]


class Told(NamedTuple):
    """What a source said at a time."""

    source: str
    facts: Mapping[str, Any]
    at: datetime


def read_fact(name: str, value: Any) -> Any | None:
    """Return the value of an attribute in its stored form, or None when it is not of the attribute's kind.

    Numbers are 0…1e15; texts become codes of at most 64 characters, and nothing that looks like an address.
    """
    if name in {"employees", "annual_revenue"}:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return value if is_number and 0 <= value < MAX_NUMBER else None
    if name == "technologies":
        items = value[:MAX_ITEMS] if isinstance(value, list | tuple) else []
        return sorted({code for item in items if (code := _code(item))}) or None
    return _code(value)


def _code(value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip() or "@" in value or not value.isprintable():
        return None
    return "_".join(value.casefold().replace("-", " ").split())[:MAX_TEXT]


def add_word(
    told: Sequence[Mapping[str, Any]], *, source: str, value: Any, at: datetime
) -> tuple[list[Mapping[str, Any]], bool]:
    """Return what is on record for an attribute after a source's word, and whether that word counts.

    A source's last word replaces its earlier one. People and the CRM overrule providers; among equals the
    last word counts.
    """
    others = [item for item in told if item["source"] != source]
    counts = source in TRUSTED_SOURCES or not any(item["source"] in TRUSTED_SOURCES for item in others)
    return [*others, {"source": source, "at": at.isoformat(), "value": value}], counts


def attributes_at(
    *, attributes: Mapping[str, Any], sources: Sources, records: Iterable[Told], at: datetime
) -> dict[str, Any]:
    """Return the attributes as they were known at `at`, from today's with their sources and all records.

    `sources` are the account's, per attribute [{source, at (ISO 8601), value}], the last word of each;
    `records` every word, oldest first. The last word by then counts, of people and the CRM before that of
    providers. A word without a record counts from its own time on; an attribute that no source is on record
    for is held to have been known always.
    """
    told = list(records)
    recorded = {name for record in told for name in record.facts}
    known: dict[str, Any] = {}
    for name in {*attributes, *recorded}:
        words = [
            _Word(datetime.fromisoformat(item["at"]), item["source"], item["value"])
            for item in sources.get(name, ())
        ]
        words += [_Word(one.at, one.source, one.facts[name]) for one in told if name in one.facts]
        by_then = sorted((word for word in words if word.at <= at), key=attrgetter("at"))
        trusted = [word for word in by_then if word.source in TRUSTED_SOURCES]
        if by_then:
            known[name] = (trusted or by_then)[-1].value
        elif not words:
            known[name] = attributes[name]
    return known


class _Word(NamedTuple):
    """What a source said of one attribute."""

    at: datetime
    source: str
    value: Any
