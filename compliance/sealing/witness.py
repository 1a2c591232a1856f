"""The witness: what Kafka says each leaf was before its seal, kept beside the anchored leaves.

Every audit row's leaf leaves the database with the outbox, some tens of milliseconds after the commit. What
was changed after that and before the seal shows as a difference between the copy and the sealed leaf.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db.models import BooleanField, ExpressionWrapper, Q

from compliance.sealing.anchors import LEAF_BYTES, NO_COPY, Anchors
from compliance.sealing.models import AuditLeaf
from revctx.eventbus.envelope import Event
from revctx.eventbus.reader import TopicReader
from revctx.eventbus.topics import AUDIT_LEAF

GROUP = "audit-witness"
LEAVES = 20_000
# A copy that takes longer than this is not waited for: its row counts as one that left no copy.
PATIENCE = timedelta(seconds=30)
# A copy that nothing was sealed for: a row that was deleted before, or one that is settled already.
FORGET = timedelta(minutes=10)

log = structlog.get_logger(__name__)


def make_reader() -> TopicReader:
    """Return a reader of the copies."""
    return TopicReader(topic=AUDIT_LEAF, name=GROUP)


class Witness:
    """Takes copies in and settles leaf after leaf, in the order of the tree."""

    def __init__(self, *, anchors: Anchors, reader: TopicReader, now: datetime) -> None:
        """Take up where the anchored copies end."""
        self.anchors, self.reader, self.started_at = anchors, reader, now
        self.copies: dict[UUID, tuple[bytes, datetime]] = {}
        # Up to here in Kafka, once none of these copies is waiting any more.
        self.mark: tuple[list[Any], set[UUID]] | None = None

    def turn(self, *, now: datetime) -> int:
        """Take what Kafka has, settle what can be settled; return how many leaves."""
        for event in self.reader.read(now=now):
            self._take(event, now)
        settled = self._settle(now)
        self._forget(now)
        self._commit()
        return settled

    def close(self) -> None:
        """Close the connection to Kafka."""
        self.reader.close()

    def _take(self, event: Event, now: datetime) -> None:
        try:
            leaves = event.data["leaves"]
            found = {UUID(event_id): bytes.fromhex(leaf) for event_id, leaf in leaves.items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            log.error("witness.invalid_copy", event_id=str(event.id))
            return
        for event_id, leaf in found.items():
            if len(leaf) == LEAF_BYTES:
                self.copies.setdefault(event_id, (leaf, now))  # the first one counts

    def _settle(self, now: datetime) -> int:
        start = self.anchors.count_copies()
        # One that only begins may have copies waiting in Kafka.
        begins = now - self.started_at < PATIENCE
        is_young = ExpressionWrapper(Q(recorded_at__gt=now - PATIENCE), output_field=BooleanField())
        rows = AuditLeaf.objects.filter(index__gte=start, index__lt=start + LEAVES).order_by("index")
        settled: list[bytes] = []
        for event_id, may_come in rows.values_list("event_id", is_young):
            copy = self.copies.pop(event_id, None)
            if copy is None and (may_come or begins):
                break
            settled.append(copy[0] if copy else NO_COPY)
        if settled:
            self.anchors.append_copies(settled)
        return len(settled)

    def _forget(self, now: datetime) -> None:
        old = [event_id for event_id, (_, taken_at) in self.copies.items() if taken_at < now - FORGET]
        for event_id in old:
            del self.copies[event_id]

    def _commit(self) -> None:
        """Commit a place once every copy before it is settled: after a crash none is missed."""
        if self.mark and self.mark[1].isdisjoint(self.copies):
            self.reader.commit(self.mark[0])
            self.mark = None
        if self.mark is None and (place := self.reader.place()):
            self.mark = place, set(self.copies)
