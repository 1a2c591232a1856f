"""What the graph is read from: ledger rows with the facts of their signals, and merges."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from contexts.evidence import without_erased
from contexts.families import find_persons, list_members
from contexts.graph import Edge
from contexts.graph_facts import DEALS, LASTING, TELLING, Observation
from contexts.identity_models import IdentityMerge
from contexts.models import LedgerEntry
from contexts.selectors.configs import get_active
from signals.selectors import list_signal_facts

# Signals read of the account that was asked for, and of each of its neighbours.
ROWS_OF_ROOT, ROWS_OF_OTHERS = 2_000, 300
ROWS_LATER = 100  # after the instant asked for: what then closes an edge
MAX_LASTING = 500  # opportunities, technologies, jobs: of each account, however long ago

_COLUMNS = "account_id, subject_id, type, signal_id, occurred_at, recorded_at"
_RECORDED = {"then": "recorded_at <= %(known)s", "later": "recorded_at > %(known)s", "": "true"}
# The list of types is spelt out, for the planner must see that the partial index holds them all.
_ROWS = """
SELECT l.* FROM unnest(%(accounts)s::uuid[], %(rows)s::int[]) AS a(id, rows)
CROSS JOIN LATERAL (
    (SELECT {columns} FROM contexts_ledgerentry
     WHERE account_id = a.id AND decay_id = %(decay)s AND occurred_at <= %(valid)s AND {recorded}
     ORDER BY occurred_at DESC LIMIT a.rows)
  UNION
    (SELECT {columns} FROM contexts_ledgerentry
     WHERE account_id = a.id AND decay_id = %(decay)s AND occurred_at > %(valid)s AND {recorded}
     ORDER BY occurred_at LIMIT %(later)s)
  UNION
    (SELECT {columns} FROM contexts_ledgerentry
     WHERE account_id = a.id AND decay_id = %(decay)s AND type IN ({types}) AND {recorded}
     ORDER BY occurred_at DESC LIMIT %(lasting)s)
) l
WHERE NOT EXISTS (
    SELECT FROM contexts_retraction r
    WHERE r.signal_id = l.signal_id AND r.retracted_at <= coalesce(%(known)s::timestamptz, 'infinity'))
"""
_TYPES = ", ".join(f"'{name}'" for name in LASTING)

Row = tuple[UUID, UUID | None, str, UUID, datetime, datetime]


@dataclass(frozen=True)
class Read:
    """Signals of several accounts, and whether a limit left some out."""

    observations: list[Observation]
    is_cut: bool


def list_observations(
    *,
    account_ids: Sequence[UUID],
    root: UUID,
    valid_at: datetime,
    known_at: datetime | None,
    account_roots: Mapping[UUID, UUID],
) -> Read:
    """Return the signals of accounts around `valid_at`, without erased and restricted persons'.

    With `known_at` also those recorded later, which tell until when something was believed. Accounts and
    persons are those that they counted for then.
    """
    family = {root, account_roots.get(root, root)}
    limits = [ROWS_OF_ROOT if account_roots.get(pk, pk) in family else ROWS_OF_OTHERS for pk in account_ids]
    parameters: dict[str, Any] = {
        "accounts": list(account_ids),
        "rows": limits,
        "decay": get_active(known_at=known_at).decay_id,
        "valid": valid_at,
        "known": known_at,
        "later": ROWS_LATER,
        "lasting": MAX_LASTING,
    }
    rows: list[Row] = []
    with connection.cursor() as cursor:
        for name in ("then", "later") if known_at else ("",):
            query = _ROWS.format(columns=_COLUMNS, types=_TYPES, recorded=_RECORDED[name])
            cursor.execute(query, parameters)
            rows += cursor.fetchall()
    shown = without_erased(rows, lambda row: row[1])
    return Read(
        _observe(shown, account_roots, known_at), _is_cut(rows, dict(zip(account_ids, limits, strict=True)))
    )


def list_deal_signals(*, account_id: UUID, now: datetime) -> list[Observation]:
    """Return what signals up to `now` say of an account's deals, without erased and restricted persons'."""
    members = list_members(account_id)
    entries = LedgerEntry.objects.filter(
        account_id__in=members, decay_id=get_active().decay_id, type__in=DEALS, occurred_at__lte=now
    )
    newest = entries.order_by("-occurred_at", "-id")[:MAX_LASTING]
    rows: list[Row] = list(newest.values_list(*_COLUMNS.split(", ")))
    shown = without_erased(rows, lambda row: row[1])
    return _observe(shown, dict.fromkeys(members, account_id), None)


def list_same_as(*, ids: Collection[UUID], known_at: datetime) -> list[Edge]:
    """Return the merges on record at `known_at` in which one of these accounts or persons takes part."""
    concerned = Q(merged_id__in=list(ids)) | Q(survivor_id__in=list(ids))
    standing = Q(undone_at=None) | Q(undone_at__gt=known_at)
    rows = IdentityMerge.objects.filter(concerned, standing, merged_at__lte=known_at)
    kinds = {"account": "account", "contact": "person"}
    return [
        Edge(
            relation="same_as",
            source=f"{kinds[row.kind]}:{row.merged_id}",
            target=f"{kinds[row.kind]}:{row.survivor_id}",
            valid_from=None,
            valid_to=None,
            recorded_from=row.merged_at,
            recorded_to=row.undone_at,
            signal_ids=(row.source_signal_id,) if row.source_signal_id else (),
            signal_count=1 if row.source_signal_id else 0,
        )
        for row in rows.order_by("merged_at", "id")
    ]


def _observe(
    rows: list[Row], account_roots: Mapping[UUID, UUID], known_at: datetime | None
) -> list[Observation]:
    persons = find_persons((row[1] for row in rows), known_at=known_at)
    facts = list_signal_facts(signal_ids=[row[3] for row in rows if row[2] in TELLING])
    return [
        Observation(
            signal_id=signal_id,
            type=kind,
            account_id=account_roots.get(account_id, account_id),
            person_id=persons.get(person, person) if person else None,
            at=at,
            recorded_at=recorded_at,
            attributes=facts[signal_id].attributes if signal_id in facts else {},
        )
        for account_id, person, kind, signal_id, at, recorded_at in rows
    ]


def _is_cut(rows: list[Row], limits: Mapping[UUID, int]) -> bool:
    counts: dict[UUID, int] = {}
    for row in rows:
        counts[row[0]] = counts.get(row[0], 0) + 1
    return any(count >= limits[account_id] for account_id, count in counts.items())
