"""What vendors merged themselves, and what people say to the matches on the review list."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from compliance import subjects
from contexts.contracts import ActiveConfigs
from contexts.identity_models import MergeCandidate
from contexts.services.candidates import ACTOR, record_match, store_new
from contexts.services.identity import resolve_accounts
from contexts.services.merging import MergeRefused, merge
from signals.contracts import REFERENCE_KINDS, OpenedSignal, ScorableSignal
from signals.services.opening import open_signals

VENDOR_TYPES = {"account_merged": "account", "contact_merged": "contact"}
# How a vendor names what is gone: `merged_crm_id`, `merged_domain` …, and `merged_email` for a person.
MERGED = "merged_"

log = structlog.get_logger(__name__)


class UnknownCandidate(Exception):
    """There is no such open match."""


@dataclass(frozen=True)
class _Pair:
    kind: str
    merged_id: UUID
    survivor_id: UUID
    signal_id: UUID


def note_vendor_merges(
    *,
    signals: Sequence[ScorableSignal],
    added: Collection[UUID],
    account_of: Mapping[UUID, UUID],
    configs: ActiveConfigs,
    now: datetime,
) -> None:
    """Note what sources merged, in the caller's transaction; `apply_due_merges` does it.

    A signal `account_merged` names the survivor as its account, `contact_merged` as its person; what is gone
    stands in the attributes, as `merged_crm_id`, `merged_domain` … or `merged_email`.
    """
    told = [s for s in signals if s.type in VENDOR_TYPES and s.id in added]
    if not told:
        return
    opened = open_signals(signal_ids=[s.id for s in told], actor=ACTOR, purpose="vendor_merge", now=now)
    pairs: list[_Pair] = []
    for signal in told:
        if signal.id in opened:
            given = _read_attributes(opened[signal.id])
            if signal.type == "contact_merged":
                pairs += _pair_persons(signal, given)
            else:
                pairs += _pair_accounts(signal, given, account_of[signal.id], configs, now)
    store_new([_due(pair, now) for pair in pairs], now)


def apply_due_merges(*, now: datetime, limit: int = 50) -> int:
    """Do what vendors merged, each in a transaction of its own; return how many were looked at."""
    due = MergeCandidate.objects.filter(state="due").order_by("created_at", "id")
    waiting = list(due.values_list("id", flat=True)[:limit])
    for candidate_id in waiting:
        _apply(candidate_id, now)
    return len(waiting)


@transaction.atomic
def dismiss(*, candidate_id: UUID, actor: str, now: datetime) -> None:
    """Take a match off the review list for good. Raises: UnknownCandidate."""
    open_ones = MergeCandidate.objects.filter(id=candidate_id, state="open")
    if not open_ones.update(state="dismissed", decided_by=actor, decided_at=now):
        raise UnknownCandidate(str(candidate_id))
    record_match("match.dismissed", MergeCandidate.objects.get(id=candidate_id), actor, now)


def _apply(candidate_id: UUID, now: datetime) -> None:
    row = MergeCandidate.objects.get(id=candidate_id)
    try:
        merge(
            kind=row.kind,
            merged_id=row.merged_id,
            survivor_id=row.survivor_id,
            actor=ACTOR,
            now=now,
            source_signal_id=row.source_signal_id,
        )
    except MergeRefused as error:
        _fail(candidate_id, error.code, now)


@transaction.atomic
def _fail(candidate_id: UUID, code: str, now: datetime) -> None:
    """Note why a vendor's merge was not done; that the two are one already is as good as done."""
    state = "merged" if code in {"same_account", "same_contact"} else "failed"
    due = MergeCandidate.objects.filter(id=candidate_id, state="due")
    if not due.update(state=state, error_code=code, decided_by=ACTOR, decided_at=now):
        return  # somebody else came first
    if state == "failed":
        log.warning("merge.refused", candidate=str(candidate_id), code=code)
        record_match("match.failed", MergeCandidate.objects.get(id=candidate_id), ACTOR, now)


def _read_attributes(opened: OpenedSignal) -> dict[str, str]:
    """Return what the source said of the side that is gone."""
    attributes = opened.content.get("attributes", {})
    return {
        name.removeprefix(MERGED): value
        for name, value in attributes.items()
        if name.startswith(MERGED) and isinstance(value, str) and value.strip()
    }


def _pair_accounts(
    signal: ScorableSignal, given: Mapping[str, str], survivor: UUID, configs: ActiveConfigs, now: datetime
) -> Iterable[_Pair]:
    references = {kind: value for kind, value in given.items() if kind in REFERENCE_KINDS}
    if not references:
        return
    gone = signal._replace(account=references, subject_id=None)
    resolved = resolve_accounts(signals=[gone], configs=configs, now=now)
    found = resolved.account_of.get(signal.id)
    if found is not None and found != survivor:
        yield _Pair("account", found, survivor, signal.id)


def _pair_persons(signal: ScorableSignal, given: Mapping[str, str]) -> Iterable[_Pair]:
    if signal.subject_id is None or "email" not in given:
        return
    try:
        found = subjects.find_subject(email=given["email"])
    except subjects.InvalidEmail:
        return
    if found is not None and found != signal.subject_id:
        yield _Pair("contact", found, signal.subject_id, signal.id)


def _due(pair: _Pair, now: datetime) -> MergeCandidate:
    return MergeCandidate(
        kind=pair.kind,
        merged_id=pair.merged_id,
        survivor_id=pair.survivor_id,
        reason="vendor",
        state="due",
        source_signal_id=pair.signal_id,
        created_at=now,
    )
