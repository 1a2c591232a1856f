"""The door for one signal a request: concurrent requests of a process share one commit."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from revctx.observability.context import get_request_id
from signals.contracts import IngestResult, SignalDraft
from signals.normalization import InvalidDraft, NormalizedSignal, normalize
from signals.selectors import get_catalogue
from signals.services.ingest import Arrival, ingest_signals, store_each
from signals.services.ingest_catalogue import get_recent_catalogue
from signals.services.ingest_groups import GroupCommit

# A round can last as long as the database's own time-outs allow; a caller has given up long before.
WAIT_SECONDS = 20.0
MAX_GROUP = 500
# Beside others a request may wait this long: fewer commits leave the processor to those who score.
SPACING_SECONDS = 0.03

Waiting = tuple[Arrival, datetime]


def ingest_signal(*, draft: SignalDraft, actor: str, now: datetime) -> IngestResult:
    """Store one signal and return what became of it, once it is committed.

    Requests that come while another's commit runs go into the next one together: same rows, same
    transaction guarantees, a fraction of the commits. Inside a caller's transaction nothing is shared.

    Raises:
        InvalidDraft: it can't be stored.
        WaitedTooLong: the database did not answer in time.
    """
    if connection.in_atomic_block:
        [result] = ingest_signals(drafts=[draft], actor=actor, now=now)
        return result
    arrival = Arrival(_normalize(draft, now), actor, get_request_id())
    return _group.submit((arrival, now), timeout=WAIT_SECONDS)


def _normalize(draft: SignalDraft, now: datetime) -> NormalizedSignal:
    """Check a draft by the catalogue as this process last read it; an unknown type is looked up anew."""
    try:
        return normalize(draft, now=now, catalogue=get_recent_catalogue(now=now))
    except InvalidDraft as error:
        if error.code != "unknown_type":
            raise
        return normalize(draft, now=now, catalogue=get_catalogue())


def _commit(waiting: Sequence[Waiting]) -> list[IngestResult | Exception]:
    # Of all times of receipt the latest: no signal may occur after it was received.
    now = max(received_at for _, received_at in waiting)
    return store_each(arrivals=[arrival for arrival, _ in waiting], now=now)


_group: GroupCommit[Waiting, IngestResult] = GroupCommit(
    _commit, max_items=MAX_GROUP, spacing=SPACING_SECONDS
)
