"""A replay of the store in chunks, each a short transaction that also notes how far it has come."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from uuid import UUID

from django.db import transaction

from compliance import audit
from contexts.models import Account, LedgerEntry
from contexts.replay_models import ReplayRun
from contexts.selectors.configs import get_active
from contexts.services.replay_accounts import rebuild_accounts
from contexts.services.replay_signals import TOPIC, count_missing, hand_over
from signals.selectors import list_scorable_after

SMALLEST, LARGEST = 25, 1_000
CHUNK_SECONDS = 1.0  # what a chunk shall take; none may hold a transaction over five seconds
ACTOR = "system:replay"
_PAGE = 5_000


@dataclass
class Replay:
    """Carries out one run; may be stopped between chunks and gone on with.

    Args:
        run_id: of the `ReplayRun`.
        clock: says what time it is; each chunk counts and scores as of then.
    """

    run_id: int
    clock: Callable[[], datetime]
    limit: int = 200
    _of_range: list[UUID] | None = field(default=None, init=False)

    def step(self) -> ReplayRun:
        """Do the next chunk and return the run as it stands then."""
        started = perf_counter()
        with transaction.atomic():
            run = ReplayRun.objects.select_for_update().get(id=self.run_id)
            if run.phase == ReplayRun.Phase.SIGNALS:
                self._take_signals(run)
            elif run.phase == ReplayRun.Phase.ACCOUNTS:
                self._take_accounts(run)
            run.save()
        took = perf_counter() - started
        self.limit = max(SMALLEST, min(LARGEST, self.limit * 2 if took < CHUNK_SECONDS / 2 else self.limit))
        if took > CHUNK_SECONDS:
            self.limit = max(SMALLEST, self.limit // 2)
        return run

    def share_done(self, run: ReplayRun) -> float:
        """Return how much of the phase is done, 0 to 1: ids of signals carry time, others are even."""
        if run.cursor is None:
            return 0.0
        if run.phase == ReplayRun.Phase.SIGNALS:
            first = run.since.timestamp() if run.since else 0.0
            at = (run.cursor.int >> 80) / 1000
            return min(max((at - first) / max(run.until.timestamp() - first, 1e-6), 0.0), 1.0)
        return run.cursor.int / 2**128

    def _take_signals(self, run: ReplayRun) -> None:
        signals, last = list_scorable_after(
            after=run.cursor, since=run.since, until=run.until, limit=self.limit
        )
        if last is None:
            run.cursor = None
            run.phase = ReplayRun.Phase.DONE if run.topic else ReplayRun.Phase.ACCOUNTS
            self._finish(run)
            return
        run.cursor, run.looked_at = last, run.looked_at + len(signals)
        if run.topic:
            run.handed_over += hand_over(signals=signals, run_id=run.pk, now=self.clock())
            return
        chunk = count_missing(signals=signals, now=self.clock())
        run.counted += chunk.counted
        run.deviating += chunk.deviating

    def _take_accounts(self, run: ReplayRun) -> None:
        account_ids = self._next_accounts(run)
        if not account_ids:
            run.phase = ReplayRun.Phase.DONE
            self._finish(run)
            return
        run.mended += rebuild_accounts(account_ids=account_ids, now=self.clock())
        run.cursor, run.accounts = account_ids[-1], run.accounts + len(account_ids)

    def _next_accounts(self, run: ReplayRun) -> list[UUID]:
        if run.since is None and run.is_open_ended:
            rows = Account.objects.order_by("id")
            rows = rows.filter(id__gt=run.cursor) if run.cursor else rows
            return list(rows.values_list("id", flat=True)[: self.limit])
        if self._of_range is None:
            self._of_range = _list_accounts_of(run)
        start = bisect_right(self._of_range, run.cursor) if run.cursor else 0
        return self._of_range[start : start + self.limit]

    def _finish(self, run: ReplayRun) -> None:
        if run.phase != ReplayRun.Phase.DONE:
            return
        run.finished_at = self.clock()
        _record("context_replay.finished", run, now=run.finished_at)


@transaction.atomic
def open_run(
    *, since: datetime | None, until: datetime | None, topic: str, again: bool, now: datetime
) -> tuple[ReplayRun, bool]:
    """Return the unfinished run of the same range and topic, else a new one; and whether it is gone on with.

    `again` gives the unfinished one up.

    Raises:
        OtherRunUnfinished: one of another range is; it has to be finished or given up first.
    """
    unfinished = ReplayRun.objects.select_for_update().filter(topic=topic, finished_at=None).first()
    if unfinished is not None:
        asked_until = unfinished.until if until else None
        if not again:
            if (unfinished.since, asked_until, unfinished.is_open_ended) == (since, until, until is None):
                return unfinished, True
            raise OtherRunUnfinished(str(unfinished.pk))
        unfinished.finished_at = now
        unfinished.save(update_fields=["finished_at"])
        _record("context_replay.given_up", unfinished, now=now)
    run = ReplayRun.objects.create(
        since=since, until=until or now, is_open_ended=until is None, topic=topic, started_at=now
    )
    _record("context_replay.started", run, now=now)
    return run, False


class OtherRunUnfinished(Exception):
    """A replay of another range was begun and not finished."""


def _list_accounts_of(run: ReplayRun) -> list[UUID]:
    """Return the accounts that signals of the range count for, in order, in pages by signal id."""
    low, high = _first_id(run.since or datetime(1970, 1, 1, tzinfo=UTC)), _first_id(run.until)
    found: set[UUID] = set()
    entries = LedgerEntry.objects.filter(decay_id=get_active().decay_id, signal_id__lt=high)
    entries = entries.order_by("signal_id")
    while page := list(entries.filter(signal_id__gte=low).values_list("signal_id", "account_id")[:_PAGE]):
        found.update(account_id for _, account_id in page)
        low = UUID(int=page[-1][0].int + 1)
    return sorted(found)


def _first_id(at: datetime) -> UUID:
    """Return the lowest id that a signal received at an instant can have."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def _record(name: str, run: ReplayRun, *, now: datetime) -> None:
    entry = audit.AuditEntry(
        name=name,
        actor=ACTOR,
        target_type="context_replay",
        target_id=str(run.pk),
        at=now,
        payload={
            "topic": run.topic or TOPIC,
            "looked_at": run.looked_at,
            "counted": run.counted,
            "accounts": run.accounts,
            "mended": run.mended,
            "deviating": run.deviating,
        },
    )
    audit.record([entry])
