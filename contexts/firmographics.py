"""What was known of a company at a past moment. Pure: no Django, no clock, no I/O."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

TRUSTED_SOURCES = frozenset({"crm", "user"})  # providers don't overwrite what these say

Sources = Mapping[str, Sequence[Mapping[str, Any]]]


class Told(NamedTuple):
    """What a provider said at a time."""

    facts: Mapping[str, Any]
    at: datetime


def attributes_at(
    *, attributes: Mapping[str, Any], sources: Sources, records: Iterable[Told], at: datetime
) -> dict[str, Any]:
    """Return the attributes as they were known at `at`, from today's with their sources and all records.

    `sources` are the account's, per attribute [{source, at (ISO 8601), value}]; `records` what providers
    said, oldest first. Of people and the CRM the last word is kept alone: where it is younger than `at`, what
    they said before is not known any more, and a provider's word of then stands in, or nothing. An attribute
    that no source is on record for is held to have been known always.
    """
    told = list(records)
    recorded = {name for record in told for name in record.facts}
    known: dict[str, Any] = {}
    for name in {*attributes, *recorded}:
        sourced = sources.get(name, ())
        trusted = [item for item in sourced if item["source"] in TRUSTED_SOURCES and _is_by(item["at"], at)]
        given = [record.facts[name] for record in told if name in record.facts and record.at <= at]
        if trusted:
            known[name] = trusted[-1]["value"]
        elif given:
            known[name] = given[-1]
        elif not sourced and name not in recorded:
            known[name] = attributes[name]
    return known


def _is_by(text: str, at: datetime) -> bool:
    return datetime.fromisoformat(text) <= at
