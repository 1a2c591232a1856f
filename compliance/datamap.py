"""Where personal data can lie, and why: one registry, from which the records of processing are printed.

Each app registers its own places in ``AppConfig.ready()``. A test fails when a table with a column for a
person or for sealed data is not listed, or when an entry names an eraser that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

KINDS = ("table", "topic", "cache", "connector", "log")
# What an erasure does to a place that no registered eraser has to visit.
BY_KEY = "key"  # sealed under the person's key, which is destroyed
BY_ID = "id"  # holds a random id, which leads nowhere once the person is erased
BY_TIME = "retention"  # deleted by age, whoever it concerns
ERASED_WITHOUT_VISIT = (BY_KEY, BY_ID, BY_TIME)


@dataclass(frozen=True, kw_only=True)
class Place:
    """One table, topic, cache key or connector that can hold something about a person.

    ``erased_by`` is the name of a registered eraser or connector, or one of ``ERASED_WITHOUT_VISIT``.
    ``retention`` is the name of a data class of the retention schedules, or says why there is none.
    """

    kind: str
    name: str
    controller: str
    categories: str
    subjects: str
    purpose: str
    lawful_basis: str
    recipients: str
    transfer: str
    retention: str
    erased_by: str
    safeguards: str


_places: dict[tuple[str, str], Place] = {}
COLUMNS = tuple(field.name for field in fields(Place))


def register(
    kind: str,
    *names: str,
    categories: str,
    purpose: str,
    erased_by: str,
    retention: str,
    subjects: str = "business contacts",
    lawful_basis: str = "legitimate interest (GDPR Art. 6(1)(f)); outreach: consent",
    recipients: str = "none",
    transfer: str = "none",
    safeguards: str = "sealed under one key a person (AES-256-GCM); role without ownership",
) -> None:
    """List places of one kind that share everything but the name.

    Raises:
        ValueError: an unknown kind, or a place that is listed already.
    """
    for name in names:
        if kind not in KINDS or (kind, name) in _places:
            raise ValueError(f"{kind} {name!r} is unknown or listed already")
        _places[kind, name] = Place(
            kind=kind,
            name=name,
            controller="the operator of this installation",
            categories=categories,
            subjects=subjects,
            purpose=purpose,
            lawful_basis=lawful_basis,
            recipients=recipients,
            transfer=transfer,
            retention=retention,
            erased_by=erased_by,
            safeguards=safeguards,
        )


def list_places() -> list[Place]:
    """Return every listed place, by kind and name."""
    return [_places[key] for key in sorted(_places)]
