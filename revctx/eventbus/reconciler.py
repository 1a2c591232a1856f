"""What Kafka lost or forgot is given to its groups straight from the outbox."""

from datetime import datetime, timedelta
from itertools import takewhile

import structlog
from django.conf import settings
from django.db import transaction

from revctx.eventbus import workitems
from revctx.eventbus.headroom import CURSOR
from revctx.eventbus.models import BridgeMember, GroupState, OutboxEvent, WorkItem
from revctx.eventbus.relay import event_of

GRACE = timedelta(minutes=1)
CHUNK = 1_000

log = structlog.get_logger(__name__)


def reconcile(*, now: datetime) -> int:
    """Store the missing work items of events published over a minute ago; return how many."""
    return sum(
        _reconcile_group(group, now=now) for group in settings.EVENT_GROUPS if _has_caught_up(group, now=now)
    )


def _has_caught_up(group: str, *, now: datetime) -> bool:
    """Say whether every live bridge of a group found nothing left to read within the last grace.

    A group that is paused, stopped or still reading old events is merely behind: it will store
    what it has not read yet itself.
    """
    if GroupState.objects.filter(group=group, paused_since__isnull=False).exists():
        return False
    # A bridge beyond the number of partitions reads nothing and so is never behind.
    members = list(BridgeMember.objects.filter(group=group, seen_at__gt=now - GRACE, partitions__gt=0))
    return bool(members) and all(
        member.caught_up_at and member.caught_up_at > now - GRACE for member in members
    )


def _reconcile_group(group: str, *, now: datetime) -> int:
    """Walk on from where nothing was missing, in short transactions; return how many were."""
    GroupState.objects.get_or_create(group=group)
    added = 0
    while (found := _reconcile_chunk(group, now=now)) is not None:
        added += found
    if added:
        log.warning("reconciler.added", group=group, items=added)
    return added


@transaction.atomic
def _reconcile_chunk(group: str, *, now: datetime) -> int | None:
    """Store what is missing of the next events and remember the place; None at the end."""
    state = GroupState.objects.select_for_update().get(group=group)
    rows = _list_published(state, now=now)
    if not rows:
        return None
    missing = [event_of(row) for row in _without_item(group, rows)]
    added = workitems.add(group=group, events=missing, now=now)
    state.reconciled_txid, state.reconciled_id = rows[-1].txid, rows[-1].pk
    state.save(update_fields=["reconciled_txid", "reconciled_id"])
    return added


def _list_published(state: GroupState, *, now: datetime) -> list[OutboxEvent]:
    """Return the next published events in the relay's order, up to the first one within the grace.

    Transactions don't end in the order of their ids: an event within the grace may lie before an
    older one, and would be passed over if the older one moved the place on.
    """
    rows = OutboxEvent.objects.raw(
        """
        SELECT o.* FROM outbox_events o, relay_cursors c
        WHERE c.name = %s AND (o.txid, o.id) > (%s::text::xid8, %s)
          AND (o.txid, o.id) <= (c.txid, c.last_id)
        ORDER BY o.txid, o.id LIMIT %s
        """,
        [CURSOR, str(state.reconciled_txid), state.reconciled_id, CHUNK],
    )
    return list(takewhile(lambda row: row.created_at < now - GRACE, rows))


def _without_item(group: str, rows: list[OutboxEvent]) -> list[OutboxEvent]:
    topics = settings.EVENT_GROUPS[group]["topics"]
    wanted = [row for row in rows if row.type in topics]
    ids = [row.event_id for row in wanted]
    stored = set(WorkItem.objects.filter(group=group, event_id__in=ids).values_list("event_id", flat=True))
    return [row for row in wanted if row.event_id not in stored]
