"""Store a page of changes: signals, what nobody understood, and the cursor, in one transaction."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeGuard

import structlog
from django.db import transaction

from integrations.outcomes import Unmappable
from integrations.salesforce.changes import cursors
from integrations.salesforce.changes.mapping import HEADER, OPPORTUNITY, ChangeHeader, map_change, read_header
from integrations.salesforce.changes.stream import ChangePage, ReceivedChange
from integrations.salesforce.deliveries import list_defects, quarantine_once
from integrations.salesforce.models import OpportunityAccount
from integrations.salesforce.normalization import SOURCE
from revctx.observability.metrics import SIGNALS_PROCESSED
from signals.contracts import SignalDraft
from signals.services.ingest import ingest_signals

log = structlog.get_logger(__name__)
ACTOR = "system:salesforce-changes"


@dataclass
class _Sorted:
    """What a page comes to."""

    drafts: list[tuple[ReceivedChange, SignalDraft]] = field(default_factory=list)
    unclear: list[tuple[ReceivedChange, str, str]] = field(default_factory=list)
    learned: dict[str, str] = field(default_factory=dict)
    skipped: int = 0


@transaction.atomic
def store_page(*, topic: str, page: ChangePage, now: datetime) -> None:
    """Store a page and move the cursor behind it, all or none.

    Gaps and overflows go into quarantine: Salesforce says there that records changed without saying how,
    and we don't ask the CRM, so somebody has to look.
    """
    sorted_page = _sort(page)
    defects = list_defects(drafts=[draft for _, draft in sorted_page.drafts], now=now)
    good = []
    for (change, draft), defect in zip(sorted_page.drafts, defects, strict=True):
        if defect:
            sorted_page.unclear.append((change, str(draft.natural_key), defect))
        else:
            good.append(draft)
    for change, delivery, reason in sorted_page.unclear:
        _quarantine(change, delivery=delivery, reason=reason, now=now)
    ingest_signals(drafts=good, actor=ACTOR, now=now)
    _learn(sorted_page.learned)
    if page.position != b"":  # which would mean from the oldest on
        cursors.move(topic=topic, position=page.position, now=now)
    transaction.on_commit(lambda: _count(sorted_page.skipped))


@transaction.atomic
def begin_again(*, topic: str, now: datetime) -> None:
    """Go back to the oldest that is kept, and note that what came before it may be missing."""
    lost = cursors.find_position(topic)
    note = {"topic": topic, "position": (lost or b"").hex(), "noticed_at": now.isoformat()}
    quarantine_once(
        source=SOURCE,
        delivery=f"hole:{topic}:{note['position']}",
        reason="position_lost",
        payload=json.dumps(note).encode(),
        now=now,
    )
    cursors.move(topic=topic, position=b"", now=now)


def _sort(page: ChangePage) -> _Sorted:
    sorted_page = _Sorted()
    headers = [_read_header(change, sorted_page) for change in page.changes]
    record_ids = {record_id for header in headers if header for record_id in header.record_ids}
    known = OpportunityAccount.objects.filter(opportunity_id__in=record_ids)
    accounts = dict(known.values_list("opportunity_id", "account_id"))
    for change, header in zip(page.changes, headers, strict=True):
        if header is None or change.payload is None:
            continue
        if header.entity != OPPORTUNITY or header.is_ours:
            sorted_page.skipped += 1
            continue
        _learn_account(header, change, accounts, sorted_page.learned)
        for part in _split(header, change.payload):
            _sort_part(change, *part, accounts, sorted_page)
    return sorted_page


def _split(
    header: ChangeHeader, payload: Mapping[str, Any]
) -> Iterator[tuple[ChangeHeader, Mapping[str, Any]]]:
    """Return an event once for each of its records, so that one that is unclear keeps no other waiting."""
    if header.is_gap or len(header.record_ids) <= 1:
        yield header, payload
        return
    for record_id in header.record_ids:
        own = payload[HEADER] | {"recordIds": [record_id]}
        yield replace(header, record_ids=(record_id,)), {**payload, HEADER: own}


def _sort_part(
    change: ReceivedChange,
    header: ChangeHeader,
    payload: Mapping[str, Any],
    accounts: Mapping[str, str],
    into: _Sorted,
) -> None:
    part = replace(change, payload=dict(payload))
    try:
        drafts = map_change(header, payload, accounts=accounts)
    except Unmappable as error:
        delivery = ":".join((header.event_key, *header.record_ids[:1]))
        into.unclear.append((part, delivery, error.reason))
        return
    into.drafts.extend((part, draft) for draft in drafts)
    into.skipped += not drafts


def _read_header(change: ReceivedChange, into: _Sorted) -> ChangeHeader | None:
    if change.payload is None:
        into.unclear.append((change, f"position:{change.replay_id.hex()}", "undecodable_change"))
        return None
    try:
        return read_header(change.payload)
    except Unmappable as error:
        into.unclear.append((change, f"position:{change.replay_id.hex()}", error.reason))
        return None


def _learn_account(
    header: ChangeHeader, change: ReceivedChange, accounts: dict[str, str], learned: dict[str, str]
) -> None:
    account_id = (change.payload or {}).get("AccountId")
    if _is_id(account_id) and not header.is_gap:
        told = {record_id: account_id for record_id in header.record_ids if _is_id(record_id)}
        accounts.update(told)
        learned.update(told)


def _is_id(value: Any) -> TypeGuard[str]:
    """Return whether a value is an id of the CRM; what is learned stays, so nothing else is."""
    return isinstance(value, str) and 15 <= len(value) <= 18 and value.isascii() and value.isalnum()


def _learn(learned: dict[str, str]) -> None:
    OpportunityAccount.objects.bulk_create(
        [
            OpportunityAccount(opportunity_id=opportunity_id, account_id=account_id)
            for opportunity_id, account_id in sorted(learned.items())
        ],
        update_conflicts=True,
        unique_fields=["opportunity_id"],
        update_fields=["account_id"],
    )


def _quarantine(change: ReceivedChange, *, delivery: str, reason: str, now: datetime) -> None:
    payload = change.raw if change.payload is None else json.dumps(change.payload, sort_keys=True).encode()
    quarantine_once(source=SOURCE, delivery=delivery, reason=reason, payload=payload, now=now)
    log.warning("change.not_understood", reason=reason)


def _count(skipped: int) -> None:
    if skipped:
        SIGNALS_PROCESSED.labels(source=SOURCE, type="other", status="skipped").inc(skipped)
