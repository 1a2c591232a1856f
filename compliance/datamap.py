"""Where personal data can lie, and why: one registry, from which the records of processing are printed.

Each app registers its own places in ``AppConfig.ready()``, and of its other tables says why no person is in
them. Tests fail when a table is on neither list, when Redis holds a key or a module calls out that is not
listed, or when an entry names an eraser or a term that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

KINDS = ("table", "topic", "cache", "connector", "log")
# What an erasure does to a place that no registered eraser has to visit.
BY_KEY = "key"  # sealed under the person's key, which is destroyed
BY_ID = "id"  # holds a random id, which leads nowhere once the person is erased
BY_TIME = "retention"  # deleted by age, whoever it concerns
BY_HAND = "hand"  # names companies or rules, not persons; who finds a person in it mends it in the admin
ERASED_WITHOUT_VISIT = (BY_KEY, BY_ID, BY_TIME, BY_HAND)

UNTIL_ERASURE = "until erasure"
KEPT = "for as long as this installation runs: nothing removes it by age"
BY_CONTRACT = "by the contract with the service"
# How long things are kept that no class of the retention schedules names, and what ends it: the path of what
# removes them, or "" where nothing of ours does.
TERMS = {
    UNTIL_ERASURE: "compliance.shredding.shred",
    "until erasure; the empty row fences the id for ever": "compliance.shredding.shred",
    "until erasure makes it unreadable; the statement stays": "compliance.shredding.shred",
    KEPT: "",
    "for ever: whoever erases one erases all": "",
    "for ever: it is the opt-out": "",
    "for ever, as hashes": "",
    "one year, then shredded with notice": "compliance.privacy.vault.destroy",
    "OUTBOX_RETENTION_DAYS": "revctx.eventbus.tasks.prune",
    "INBOUND_LOG_DAYS": "integrations.tasks.prune_inbound",
    "2 days": "revctx.api.tasks.forget_requests",
    "7 days, by the broker": "",
    "seconds to a day, by Redis": "",
    "until it is worked off": "",
    "as long as the account is needed; deactivated by an administrator": "",
    "by the operator": "",
    "by the CRM": "",
    BY_CONTRACT: "",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """One table, topic, cache key or connector that can hold something about a person.

    A cache place is named by its key, or by the beginning of its keys if it ends in ``:``, ``.`` or ``{``.

    ``erased_by`` is the name of a registered eraser or connector, or one of ``ERASED_WITHOUT_VISIT``.
    ``retention`` is the name of a data class of the retention schedules, or one of ``TERMS``.
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
_without_persons: dict[str, str] = {}
_callers: dict[str, str] = {}
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


def register_without_persons(because: str, *tables: str) -> None:
    """List tables that hold nothing about a person, and say why.

    Raises:
        ValueError: a table is listed already.
    """
    for table in tables:
        if table in _without_persons or ("table", table) in _places:
            raise ValueError(f"table {table!r} is listed already")
        _without_persons[table] = because


def list_without_persons() -> dict[str, str]:
    """Return why no person is in a table, by table."""
    return dict(_without_persons)


def register_callers(connector: str, *modules: str) -> None:
    """Say which packages or modules send something to a listed connector."""
    _callers.update(dict.fromkeys(modules, connector))


def list_callers() -> dict[str, str]:
    """Return the connector that each package or module speaks to."""
    return dict(_callers)


def find_cache_place(key: str) -> Place | None:
    """Return the listed place that a key of Redis belongs to."""
    for place in _places.values():
        is_family = place.name[-1] in ":.{"
        if place.kind == "cache" and (key.startswith(place.name) if is_family else key == place.name):
            return place
    return None
