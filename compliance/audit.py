"""The audit log: one row for each transition, written in the transaction that it records."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from compliance import reconciliation
from compliance.sealing import canonical
from revctx.arrays import to_array
from revctx.eventbus import outbox
from revctx.eventbus.envelope import Event
from revctx.eventbus.topics import AUDIT_LEAF
from revctx.json_text import make_encoder
from revctx.observability.context import get_request_id
from revctx.statements import fetch_prepared

PayloadValue = str | int | float | bool | None

MAX_TEXT = 4096
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_PAYLOAD_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ACTOR = re.compile(r"(user|system):[A-Za-z0-9._-]+")
_encode = make_encoder(sort_keys=True)
_LOOKS_LIKE_EMAIL = re.compile(r"\S@\S")

# Every name that may be recorded → the app that registered it.
TRANSITIONS: dict[str, str] = {}

# The database itself fills id, recorded_at and txid; the application has no right to name them.
_INSERT = (
    """
INSERT INTO audit_logs
    (occurred_at, name, actor, target_type, target_id, account_id, request_id, payload)
SELECT * FROM unnest(
    %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::jsonb[])
RETURNING """
    + canonical.TEXT_LIST
)
# About 25 KB in Kafka.
LEAVES_AN_EVENT = 250


class AuditRefused(ValueError):
    """An entry breaks the rules of the log: unknown name, value of a foreign type, or personal data."""


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One transition to be recorded.

    ``actor`` is ``user:<pk>`` or ``system:<process>``; ``at`` is the time the transition happened;
    ``payload`` holds ids, codes and numbers, never anything personal.
    """

    name: str
    actor: str
    target_type: str
    target_id: str
    at: datetime
    payload: Mapping[str, PayloadValue] = field(default_factory=dict)
    account_id: UUID | None = None
    request_id: str = field(default_factory=get_request_id)


def register_transitions(app: str, names: Iterable[str]) -> None:
    """Allow ``names`` (noun.past_participle) to be recorded; called in ``AppConfig.ready()``.

    Raises:
        ValueError: a malformed name, or one that another app registered.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not of the form noun.past_participle")
        if TRANSITIONS.setdefault(name, app) != app:
            raise ValueError(f"{name!r} is registered by {TRANSITIONS[name]} already")


def register_reconciliation(name: str, statement: str) -> None:
    """Have states without an audit row reported; see ``compliance.reconciliation``."""
    reconciliation.register_reconciliation(name, statement)


def record(entries: Sequence[AuditEntry]) -> None:
    """Write the entries into the caller's transaction, in one statement, and their leaves into the outbox.

    Raises:
        RuntimeError: no transaction is open, so the entry could outlive what it records.
        AuditRefused: an entry breaks the rules of the log; nothing is written.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("audit entries are written inside the transaction they record")
    if not entries:
        return
    for entry in entries:
        _check(entry)
    rows = fetch_prepared(_INSERT, [to_array(column) for column in _columns(entries)])
    outbox.enqueue(_copy_leaves(rows, at=entries[0].at))


def record_fields(**fields: Any) -> None:
    """Write one entry given by its fields; the form that lower layers call through the registry."""
    record([AuditEntry(**fields)])


def _copy_leaves(rows: Sequence[Sequence[str]], *, at: datetime) -> list[Event]:
    """Return the events that carry the leaves out of the database before the rows are sealed."""
    lines = canonical.make_lines(rows)
    leaves = [(row[0], canonical.leaf_of(line).hex()) for row, line in zip(rows, lines, strict=True)]
    return [
        Event(
            type=AUDIT_LEAF,
            key=leaves[n][0],
            occurred_at=at,
            data={"leaves": dict(leaves[n : n + LEAVES_AN_EVENT])},
        )
        for n in range(0, len(leaves), LEAVES_AN_EVENT)
    ]


def _columns(entries: Sequence[AuditEntry]) -> list[list[Any]]:
    return [
        [e.at for e in entries],
        [e.name for e in entries],
        [e.actor for e in entries],
        [e.target_type for e in entries],
        [e.target_id for e in entries],
        [e.account_id for e in entries],
        [e.request_id for e in entries],
        [_encode(dict(e.payload)) for e in entries],
    ]


def _check(entry: AuditEntry) -> None:
    if entry.name not in TRANSITIONS:
        raise AuditRefused(f"{entry.name!r} is not a registered transition")
    if not _is_actor(entry.actor):
        raise AuditRefused(f"{entry.name}: an actor is user:<pk> or system:<process>")
    if entry.at.tzinfo is None:
        raise AuditRefused(f"{entry.name}: the time has no zone")
    for text in (entry.target_type, entry.target_id, entry.request_id):
        _check_text(entry.name, text)
    for key, value in entry.payload.items():
        if not _is_payload_key(key):
            raise AuditRefused(f"{entry.name}: a payload key is lower case with underscores")
        _check_value(entry.name, value)


# Every batch repeats the few there are.
@lru_cache(maxsize=1024)
def _is_actor(text: str) -> bool:
    return bool(_ACTOR.fullmatch(text))


@lru_cache(maxsize=1024)
def _is_payload_key(text: str) -> bool:
    return bool(_PAYLOAD_KEY.fullmatch(text))


def _check_value(name: str, value: object) -> None:
    if isinstance(value, str):
        _check_text(name, value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise AuditRefused(f"{name}: a payload number is not finite")
    elif value is not None and not isinstance(value, bool | int | float):
        raise AuditRefused(f"{name}: a payload value is a text, a number, a boolean or null")


def _check_text(name: str, text: str) -> None:
    # The message must not repeat the text: it may be what must not be written down.
    if len(text) > MAX_TEXT or "\x00" in text:
        raise AuditRefused(f"{name}: a text is over {MAX_TEXT} characters or holds NUL")
    if "@" in text and _LOOKS_LIKE_EMAIL.search(text):
        raise AuditRefused(f"{name}: a text looks like an e-mail address")
