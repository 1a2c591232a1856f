"""Three workers on the same work: every signal counts exactly once."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection

from contexts.models import AccountContext, Contact, LedgerEntry, ScoreBucket
from contexts.scoring import ScoreState, place
from contexts.selectors import get_account_id, get_active, get_score
from contexts.services.merging import merge, undo
from contexts.tests.factories import NOW, add_work, ingest, make_draft, work
from revctx.eventbus.models import OutboxEvent, WorkItem
from signals.selectors import list_scorable

KINDS = ["page_view", "pricing_page_view", "demo_requested", "content_download"]


def run_at_once(*jobs: Callable[[], object]) -> None:
    """Run jobs in threads with their own connections; the first error is raised."""
    errors: list[BaseException] = []

    def guarded(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.django_db(transaction=True)
def test_three_workers_score_2000_signals_exactly_once():
    drafts = [
        make_draft(
            KINDS[n % 4],
            crm_id=f"crm-{n % 37}",
            ago=timedelta(minutes=11 * n),
            email=f"p{n % 5}@acme{n % 37}.example" if n % 3 else None,
        )
        for n in range(2_000)
    ]
    signal_ids = ingest(drafts)
    add_work(signal_ids)  # a forgetful bridge delivers everything twice

    run_at_once(*[lambda: work(limit=250)] * 3)

    assert WorkItem.objects.filter(state="done").count() == 4_000
    assert LedgerEntry.objects.count() == 2_000
    assert set(LedgerEntry.objects.values_list("signal_id", flat=True)) == set(signal_ids)
    assert stored_state() == expected_state(signal_ids)
    assert AccountContext.objects.count() == 37
    assert not AccountContext.objects.filter(version=0).exists()
    assert Contact.objects.count() == len({(d.account["crm_id"], d.person.email) for d in drafts if d.person})
    versions = [
        (event.key, event.data["version"])
        for event in OutboxEvent.objects.filter(type="context.updated").order_by("id")
    ]
    assert len(versions) == len(set(versions))


def stored_state() -> list[tuple]:
    rows = ScoreBucket.objects.values_list("type", "subject_id", "account_id", "bucket", "mass")
    return sorted(
        ((kind, str(person or ""), str(account), n, mass) for kind, person, account, n, mass in rows)
    )


def expected_state(signal_ids: list) -> list[tuple]:
    """Return what one pure pass over the signals gives."""
    decay = get_active().decay
    account_of = dict(LedgerEntry.objects.values_list("signal_id", "account_id"))
    states: dict[str, ScoreState] = {}
    for signal in list_scorable(signal_ids=signal_ids):
        bucket = place(
            signal_type=signal.type,
            stage="",
            person=str(signal.subject_id or ""),
            occurred_at=signal.occurred_at,
            strength=signal.strength,
            decay=decay,
        )
        states.setdefault(str(account_of[signal.id]), ScoreState()).observe(str(signal.id), bucket)
    return sorted(
        (bucket.type, bucket.person, account, bucket.n, bucket.mass)
        for account, state in states.items()
        for bucket in state.buckets()
    )


@pytest.mark.django_db(transaction=True)
def test_merging_and_splitting_beside_workers_loses_and_doubles_nothing():
    names = ("001A", "001B")
    ingest([make_draft(crm_id=name) for name in names])
    work()
    ids = {name: get_account_id(name) for name in names}
    pair = {"merged_id": ids["001B"], "survivor_id": ids["001A"]}
    ingest([make_draft(KINDS[n % 4], crm_id=names[n % 2], ago=timedelta(minutes=n)) for n in range(600)])

    def change_minds() -> None:
        for _ in range(6):
            merge_id = merge(kind="account", **pair, actor="user:1", now=NOW)
            undo(merge_id=merge_id, actor="user:1", now=NOW)

    run_at_once(lambda: work(limit=40), lambda: work(limit=40), change_minds)
    work()

    for account_id in ids.values():
        stored = AccountContext.objects.get(account_id=account_id).intent_score
        assert stored == get_score(account_id=account_id, as_of=NOW).intent > 0
        assert LedgerEntry.objects.filter(account_id=account_id).count() == 301
    merge(kind="account", **pair, actor="user:1", now=NOW)
    merged = get_score(account_id=ids["001B"], as_of=NOW)
    assert sum(part.signal_count for part in merged.contributions) == 602
    assert AccountContext.objects.get(account_id=ids["001A"]).intent_score == merged.intent
