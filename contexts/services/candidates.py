"""The review list: pairs that may be one, each noted once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from compliance import audit
from contexts.families import find_roots
from contexts.identity_models import MergeCandidate

ACTOR = "system:context-engine"


@dataclass(frozen=True)
class Match:
    """Two accounts that one signal named by different references."""

    stronger: UUID
    weaker: UUID
    reason: str
    signal_id: UUID


def note_matches(*, matches: Collection[Match], now: datetime) -> None:
    """Put pairs of accounts that one signal named on the review list, each pair once."""
    if not matches:
        return
    roots = find_roots({pk for match in matches for pk in (match.weaker, match.stronger)})
    rows = {}
    for match in matches:
        weaker, stronger = (roots.get(pk, pk) for pk in (match.weaker, match.stronger))
        if weaker != stronger:
            rows[weaker, stronger] = MergeCandidate(
                kind="account",
                merged_id=weaker,
                survivor_id=stronger,
                reason=match.reason,
                source_signal_id=match.signal_id,
                created_at=now,
            )
    store_new(rows.values(), now)


def store_new(rows: Iterable[MergeCandidate], now: datetime) -> None:
    """Insert those that are not on the list yet, in one order everywhere, and audit them."""
    ordered = sorted(rows, key=lambda row: (row.kind, row.merged_id, row.survivor_id))
    MergeCandidate.objects.bulk_create(ordered, ignore_conflicts=True)
    stored = MergeCandidate.objects.filter(id__in=[row.id for row in ordered])
    for row in stored.order_by("id"):
        record_match("match.noted", row, ACTOR, now)


def record_match(name: str, row: MergeCandidate, actor: str, now: datetime) -> None:
    """Audit what became of a pair."""
    entry = audit.AuditEntry(
        name=name,
        actor=actor,
        target_type="merge_candidate",
        target_id=str(row.id),
        account_id=row.survivor_id if row.kind == "account" else None,
        at=now,
        payload={
            "merged_id": str(row.merged_id),
            "survivor_id": str(row.survivor_id),
            "reason": row.reason,
            "error_code": row.error_code,
        },
    )
    audit.record([entry])
