"""Processes killed in the middle of an import: every signal still counts exactly once."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from contexts.selectors import get_active_configs
from revctx.tests.database import number, rows
from revctx.tests.processes import Processes
from signals.contracts import PersonDraft, SignalDraft
from signals.services.ingest import ingest_signals

SIGNALS, SHARE, CHUNK, ACCOUNTS, PEOPLE = 2_000, 500, 500, 20, 30
TYPES = ("page_view", "pricing_page_view", "demo_requested", "trial_started")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WORKERS = ("context-engine-1", "context-engine-2", "context-engine-3")
OTHERS = ("relay", "bridge-context-engine", "bridge-orchestration-engine", "orchestration-engine-1")


def count_scored() -> int:
    return number("SELECT count(*) FROM contexts_ledgerentry")


def count_bridged() -> int:
    return number('SELECT count(*) FROM work_items WHERE "group" = %s', "context-engine")


def count_crossings() -> int:
    return number("SELECT count(*) FROM contexts_crossing WHERE direction = 'up'")


def count_actions() -> int:
    return number("SELECT count(*) FROM actions")


def count_claimed() -> int:
    """Count the items that a worker holds at this moment, uncommitted."""
    open_items = "FROM work_items WHERE \"group\" = 'context-engine' AND state = 'open'"
    free = f"SELECT id {open_items} FOR UPDATE SKIP LOCKED"
    return number(
        f"WITH free AS ({free}) SELECT (SELECT count(*) {open_items}) - (SELECT count(*) FROM free)"
    )


def draft(index: int, now: datetime) -> SignalDraft:
    """Return one of 2,000 different signals of 20 accounts, a third of them by one of 30 people."""
    person = PersonDraft(email=f"person-{index % PEOPLE}@people.example") if index % 3 == 0 else None
    return SignalDraft(
        source="api",
        type=TYPES[index // ACCOUNTS % len(TYPES)],
        external_id=f"fault-{index}",
        occurred_at=now - timedelta(seconds=61.123457 * index),
        account={"crm_id": f"fault-account-{index % ACCOUNTS}"},
        person=person,
        strength=1 + (index % 17) / 4,
    )


def take_in(first: int, last: int, now: datetime) -> list[UUID]:
    results = []
    for start in range(first, last, CHUNK):
        drafts = [draft(index, now) for index in range(start, start + CHUNK)]
        results += ingest_signals(drafts=drafts, actor="system:test", now=timezone.now())
    assert {result.status for result in results} == {"accepted"}
    return [result.signal_id for result in results]


# victim → who must run beside it, and how we see that it is in the middle of its work
VICTIMS: dict[str, tuple[tuple[str, ...], Callable[[], int]]] = {
    # Alone, so that the uncommitted claim that we see is surely its own.
    "context-engine-1": (("relay", "bridge-context-engine"), count_claimed),
    "relay": (("bridge-context-engine", *WORKERS), count_bridged),
    "bridge-context-engine": (("relay", *WORKERS), count_bridged),
}


@pytest.mark.kafka
def test_killed_processes_lose_no_signal_and_count_none_twice(processes: Processes) -> None:
    now = timezone.now()
    signal_ids: list[UUID] = []
    for victim, (beside, progress) in VICTIMS.items():
        start_missing(processes, victim, *beside)
        before = 0 if progress is count_claimed else progress()
        signal_ids += take_in(len(signal_ids), len(signal_ids) + SHARE, now)
        kill_at_work(processes, victim, progress, before)
    assert count_scored() < SIGNALS
    signal_ids += take_in(len(signal_ids), SIGNALS, now)
    start_missing(processes, *OTHERS, *WORKERS)

    processes.wait_for("all to be scored", lambda: count_scored() >= SIGNALS, seconds=60)
    processes.wait_for("all work to be done", is_all_work_done, seconds=40)
    processes.wait_for("all drafts", lambda: count_actions() >= count_crossings(), seconds=40)

    assert sorted(row[0] for row in rows("SELECT signal_id FROM contexts_ledgerentry")) == sorted(signal_ids)
    assert_buckets_equal_an_independent_sum()
    assert number("SELECT count(*) FROM work_items WHERE state = 'dead'") == 0
    assert_one_action_a_crossing()


def kill_at_work(processes: Processes, victim: str, progress: Callable[[], int], before: int) -> None:
    processes.wait_for(f"{victim} to work", lambda: progress() > before, seconds=40, poll_seconds=0.005)
    processes.kill(victim)


def start_missing(processes: Processes, *names: str) -> None:
    processes.start(*(name for name in names if name not in processes.running))


def is_all_work_done() -> bool:
    """Tell whether every event of a subscribed topic has a finished item."""
    return not number(
        """
        SELECT count(*) FROM outbox_events o
        JOIN (VALUES ('signal.ingested', 'context-engine'), ('context.updated', 'orchestration-engine'))
             AS s(type, subscriber) ON s.type = o.type
        LEFT JOIN work_items w ON w."group" = s.subscriber AND w.event_id = o.event_id AND w.state = 'done'
        WHERE w.id IS NULL
        """
    )


def assert_buckets_equal_an_independent_sum() -> None:
    """Compute every signal's mass anew, in decimal arithmetic, and compare bucket by bucket."""
    decay, _ = get_active_configs()
    stored = rows(
        """
        SELECT a.value, s.type, s.subject_id, s.occurred_at, s.strength FROM signals s
        JOIN contexts_accountalias a ON a.kind = 'crm_id' AND a.value = s.account->>'crm_id'
        """
    )
    assert len(stored) == SIGNALS
    expected: Counter[tuple[Any, ...]] = Counter()
    signals_in: Counter[tuple[Any, ...]] = Counter()
    for account, signal_type, subject_id, occurred_at, strength in stored:
        micros = (occurred_at - EPOCH) // timedelta(microseconds=1)
        bucket, rest = divmod(micros, decay.half_life_micros(signal_type))
        key = (account, signal_type, subject_id, bucket)
        expected[key] += exact_mass(strength, rest, decay.half_life_micros(signal_type))
        signals_in[key] += 1
    found = rows(
        """
        SELECT a.value, b.type, b.subject_id, b.bucket, b.mass FROM contexts_scorebucket b
        JOIN contexts_accountalias a ON a.account_id = b.account_id AND a.kind = 'crm_id'
        """
    )
    assert len(found) == len(expected)
    for *key, mass in found:
        # The last bit may be rounded the other way, once a signal; a signal more or less is 2³² or more.
        assert abs(mass - expected[tuple(key)]) <= signals_in[tuple(key)]


def exact_mass(strength: float, rest: int, half_life: int) -> int:
    with localcontext(prec=50):
        return round(Decimal(strength) * Decimal(2) ** (Decimal(rest) / half_life) * 2**32)


def assert_one_action_a_crossing() -> None:
    crossings = {row[0] for row in rows("SELECT id FROM contexts_crossing WHERE direction = 'up'")}
    actions = [row[0] for row in rows("SELECT crossing_id FROM actions")]
    assert crossings, "the signals must take accounts over the threshold"
    assert sorted(actions) == sorted(crossings)
    # Nobody has consented, so nobody is written to.
    assert {row[0] for row in rows("SELECT DISTINCT kind FROM actions")} == {"review_task"}
