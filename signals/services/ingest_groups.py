"""Group commit: threads that want the same kind of work done at once share one transaction.

The first thread to come leads: it takes what is queued, commits it, and hands each thread its own result.
What arrives meanwhile waits for the next round, so groups grow with the load. A round costs nearly the same
for one item as for ten; so where the last one was shared, the next may rest a moment for others to come. A
request after lone ones waits for nobody. There is no thread of its own: when no request runs, nothing runs.
One leads at a time: with two the groups were a third of the size.

Source: the leader and followers of PostgreSQL's and MySQL's group commit.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# One outcome an item, in order: its result, or the exception that is its own.
Commit = Callable[[Sequence[Item]], Sequence[Result | Exception]]


class WaitedTooLong(Exception):
    """No answer within the time given.

    Args:
        was_taken: the work had begun, so it may yet be done; otherwise it never will be.
    """

    def __init__(self, *, was_taken: bool) -> None:
        """Keep whether the work may yet be done."""
        super().__init__("the group commit did not answer in time")
        self.was_taken = was_taken


class _Ticket(Generic[Item, Result]):
    """One thread's item, and later its outcome."""

    __slots__ = ("item", "leads", "outcome", "taken", "woken")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.woken = threading.Lock()  # held until somebody wakes the thread: cheaper than an Event
        self.woken.acquire()
        self.leads = False
        self.taken = False
        self.outcome: Result | BaseException | None = None

    def result(self) -> Result:
        """Return the outcome, or raise it."""
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        assert self.outcome is not None
        return self.outcome


class GroupCommit(Generic[Item, Result]):
    """Gathers the items of concurrent threads into calls of `commit`.

    Args:
        commit: does the work of many items; returns an outcome an item, in order. What it raises is the
            outcome of all.
        max_items: most items a call.
        spacing: most seconds from the begin of a call that was shared to the next one's, which comes at once
            when as many items are there as the last one had. The leader's rest is not bounded by its timeout.
    """

    def __init__(self, commit: Commit[Item, Result], *, max_items: int, spacing: float = 0.0) -> None:
        """Start empty."""
        self._commit, self._max_items, self._spacing = commit, max_items, spacing
        self._lock = threading.Lock()
        self._queue: deque[_Ticket[Item, Result]] = deque()  # those that wait; the leader is not among them
        self._is_led = False
        self._last_size, self._rest_until = 1, 0.0
        self._resting: _Ticket[Item, Result] | None = None

    def submit(self, item: Item, *, timeout: float) -> Result:
        """Return the item's own result once it is committed; `timeout` in seconds.

        Raises:
            WaitedTooLong: no answer in time.
            Exception: whatever `commit` made of this item.
        """
        ticket: _Ticket[Item, Result] = _Ticket(item)
        with self._lock:
            ticket.leads = not self._is_led
            if ticket.leads:
                self._is_led = True
            else:
                self._queue.append(ticket)
                self._wake_resting()
        if not ticket.leads:
            self._wait(ticket, time.monotonic() + timeout)
        if ticket.leads:
            self._lead(ticket)
        return ticket.result()

    def _wait(self, ticket: _Ticket[Item, Result], deadline: float) -> None:
        """Sleep until there is an outcome, or this thread must lead."""
        if ticket.woken.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return
        with self._lock:
            if ticket.leads or ticket.outcome is not None:
                return  # chosen at the last moment: a leader that left would leave the others asleep
            if not ticket.taken:
                self._queue.remove(ticket)
            raise WaitedTooLong(was_taken=ticket.taken)

    def _lead(self, own: _Ticket[Item, Result]) -> None:
        """Do one round, this thread's own item in it, then pass the lead on."""
        group = [own]
        try:
            self._rest(own)
            with self._lock:
                while self._queue and len(group) < self._max_items:
                    follower = self._queue.popleft()
                    follower.taken = True
                    group.append(follower)
                self._last_size, self._rest_until = len(group), time.monotonic() + self._spacing
            self._settle(group, self._commit([ticket.item for ticket in group]))
        except Exception as error:
            self._settle(group, [error] * len(group))
        except BaseException:
            # An interrupt is this thread's own; the others must neither sleep on nor take it for theirs.
            self._settle(group, [RuntimeError("the thread that committed was interrupted")] * len(group))
            raise
        finally:
            self._hand_over()

    def _rest(self, own: _Ticket[Item, Result]) -> None:
        """Let as many come as shared the last call, for a moment."""
        with self._lock:
            seconds = self._rest_until - time.monotonic()
            if seconds <= 0 or self._has_enough():
                return
            own.woken.acquire(blocking=False)  # it may have come to lead without having been woken
            self._resting = own
        own.woken.acquire(timeout=seconds)
        with self._lock:
            self._resting = None

    def _has_enough(self) -> bool:
        return len(self._queue) + 1 >= self._last_size

    def _wake_resting(self) -> None:
        """Wake the resting leader if there are enough; within the lock."""
        if self._resting is not None and self._has_enough():
            self._resting.woken.release()
            self._resting = None

    def _settle(self, group: list[_Ticket[Item, Result]], outcomes: Sequence[Result | Exception]) -> None:
        """Give each its outcome and wake it."""
        if len(outcomes) != len(group):
            outcomes = [RuntimeError("the commit returned another number of outcomes")] * len(group)
        with self._lock:
            for ticket, outcome in zip(group, outcomes, strict=True):
                ticket.outcome = outcome
        for ticket in group[1:]:  # the first is the leader itself
            ticket.woken.release()

    def _hand_over(self) -> None:
        """Wake the longest waiting thread to lead, or let the next comer do so."""
        with self._lock:
            if not self._queue:
                self._is_led = False
                return
            successor = self._queue.popleft()
            successor.leads = True
            successor.woken.release()
