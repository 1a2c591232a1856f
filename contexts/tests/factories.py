"""Signals on their way into scores, through the doors that production uses."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from uuid import UUID

from contexts import selectors
from contexts.contracts import ScoreExplanation
from contexts.services.work import apply_signals
from revctx.eventbus import workitems
from revctx.eventbus.envelope import Event
from signals.contracts import PersonDraft, SignalDraft
from signals.services.ingest import ingest_signals

# Signals live in partitions around the present month, so the tests' time is today's.
NOW = datetime.now(UTC).replace(microsecond=0)
GROUP = "context-engine"
_numbers = count(1)


def make_draft(
    type_: str = "page_view", *, crm_id: str = "crm-1", ago: timedelta = timedelta(0), **fields
) -> SignalDraft:
    """Return a draft that occurred before NOW."""
    email = fields.pop("email", None)
    title = fields.pop("title", "")
    values = {
        "source": "web",
        "type": type_,
        "external_id": f"ext-{next(_numbers)}",
        "occurred_at": NOW - ago,
        "account": {"crm_id": crm_id},
        "person": PersonDraft(email=email, name="Robin Vale", title=title) if email else None,
    }
    return SignalDraft(**(values | fields))


def ingest(drafts: Sequence[SignalDraft], *, now: datetime = NOW, request_id: str = "req-1") -> list[UUID]:
    """Store drafts and give the context engine one work item each, as the bridge does."""
    results = ingest_signals(drafts=drafts, actor="system:test", now=now)
    ids = [result.signal_id for result in results]
    add_work(ids, now=now, request_id=request_id)
    return ids


def add_work(signal_ids: Sequence[UUID], *, now: datetime = NOW, request_id: str = "req-1") -> None:
    """Give the context engine one new work item for each signal."""
    events = [
        Event(
            type="signal.ingested",
            key="k",
            data={"signal_id": str(signal_id), "source": "web", "type": "page_view"},
            occurred_at=now,
            request_id=request_id,
        )
        for signal_id in signal_ids
    ]
    workitems.add(group=GROUP, events=events, now=now)


def work(*, now: datetime = NOW, limit: int = 500) -> int:
    """Work off everything that is due."""
    done = 0
    while finished := workitems.process(group=GROUP, handle=partial(_apply, now=now), limit=limit, now=now):
        done += finished
    return done


def _apply(items: list[workitems.WorkItemData], *, now: datetime) -> None:
    apply_signals(items=items, now=now)


def score_signals(*drafts: SignalDraft, now: datetime = NOW, request_id: str = "req-1") -> list[UUID]:
    """Ingest drafts and score them."""
    ids = ingest(drafts, now=now, request_id=request_id)
    work(now=now)
    return ids


def score_of(ref: str = "crm-1", *, as_of: datetime = NOW) -> ScoreExplanation:
    """Return an account's score by any of its names."""
    return selectors.get_score(account_id=selectors.get_account_id(ref), as_of=as_of)
