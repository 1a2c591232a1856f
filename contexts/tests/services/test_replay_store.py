"""Replaying the store: what contexts derive from signals comes out the same, whatever happened to it."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event as Flag

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from compliance import erasure, subjects
from compliance.privacy import restrictions
from contexts.models import AccountContext, Crossing, LedgerEntry
from contexts.replay_models import ReplayRun
from contexts.selectors.digests import digest_contexts
from contexts.services.configs import share_active
from contexts.services.replay_runs import OtherRunUnfinished, Replay, open_run
from contexts.services.rescoring import rescore
from contexts.tests.factories import NOW, add_work, ingest, make_draft, work
from revctx.eventbus.models import OutboxEvent, WorkItem

pytestmark = pytest.mark.django_db(transaction=True)
SignalType = apps.get_model("signals", "SignalType")
AT = NOW + timedelta(minutes=1)
TYPES = ("page_view", "pricing_page_view", "demo_requested", "opportunity_stage_changed", "unsubscribed")
ERASED, RESTRICTED = "p0@acme.example", "p1@acme.example"

DAMAGES = {
    "buckets gone": "DELETE FROM contexts_scorebucket",
    "buckets wrong": """
        UPDATE contexts_scorebucket SET mass = mass + 1 WHERE id % 2 = 0;
        INSERT INTO contexts_scorebucket (account_id, decay_id, type, stage, bucket, mass, latest_at)
        SELECT account_id, decay_id, 'stray', '', 7, 9, now() FROM contexts_scorebucket LIMIT 1""",
    "scores wrong": """
        UPDATE account_contexts SET intent_score = 1, priority = 0, published_intent = 0, hot_until = NULL,
                                    band = CASE band WHEN 'hot' THEN 'cold' ELSE band END""",
    "nobody is hot": "UPDATE account_contexts SET band = 'hot' WHERE band <> 'hot'",
    "half of the ledger gone": "DELETE FROM contexts_ledgerentry WHERE id % 2 = 0",
    "all gone": """
        DELETE FROM contexts_ledgerentry; DELETE FROM contexts_scorebucket; DELETE FROM account_contexts""",
}


def damage(services, statements):
    """Do what only a disaster can: the app's role and the append-only triggers refuse it."""
    with services.postgres.connect_superuser() as superuser:
        superuser.execute("ALTER TABLE contexts_ledgerentry DISABLE TRIGGER USER")
        for statement in statements.split(";"):
            superuser.execute(statement)
        triggers = superuser.execute(
            "SELECT tgname FROM pg_trigger"
            " WHERE tgrelid = 'contexts_ledgerentry'::regclass AND NOT tgisinternal"
        ).fetchall()
        for (name,) in triggers:
            superuser.execute(f"ALTER TABLE contexts_ledgerentry ENABLE ALWAYS TRIGGER {name}")


def replay(*, since=None, until=None, topic="", limit=200, at=AT):
    run, _ = open_run(since=since, until=until, topic=topic, again=False, now=at)
    steps = Replay(run_id=run.pk, clock=lambda: at, limit=limit)
    while run.finished_at is None:
        run = steps.step()
    return run


def live_digest():
    """Return the digest once all scores are those of AT."""
    accounts = set(AccountContext.objects.values_list("account_id", flat=True))
    with transaction.atomic():
        rescore(account_ids=accounts, configs=share_active(), now=AT, changed=())
    return digest_contexts()


def restricted(email, *, now=NOW):
    subject_id = subjects.ensure_subjects(emails=[email], now=now)[email]
    restrictions.restrict(subject_id=subject_id, reason="accuracy", actor="user:1", now=now)
    return subject_id


def random_draft(chance):
    account = {"crm_id": f"crm-{chance.randrange(6)}"}
    if chance.random() < 0.4:
        account["domain"] = f"acme{account['crm_id'][4:]}.example"
    if chance.random() < 0.3:
        account = {"name": f"Acme {chance.randrange(3)}"}
    type_ = chance.choices(TYPES, (8, 8, 4, 4, 1))[0]
    attributes = {"stage": chance.choice(["demo_scheduled", "odd stage"])} if "stage" in type_ else {}
    return make_draft(
        type_,
        account=account,
        email=chance.choice([None, *(f"p{n}@acme.example" for n in range(6))]),
        ago=timedelta(minutes=chance.randrange(60 * 24 * 30)),
        attributes=attributes,
        strength=chance.choice([1.0, 2.5, 0.3]),
    )


@pytest.mark.parametrize("seed", [11, 12])
def test_any_damage_is_mended_to_the_byte_and_nobody_is_told_twice(services, seed):
    chance = random.Random(seed)
    drafts = [random_draft(chance) for _ in range(160)]
    ingest(drafts[:90])
    work(limit=17)
    erasure.erase(subject_id=subjects.find_subject(email=ERASED), actor="user:1", now=NOW)
    person = restricted(RESTRICTED)
    ingest([*drafts[90:], *chance.sample(drafts, 10)])
    work(limit=40)
    while_restricted = live_digest()
    assert replay().counted == 0
    assert digest_contexts() == while_restricted
    restrictions.lift(subject_id=person, actor="user:1", now=NOW)
    withheld = sum(1 for draft in drafts[90:] if draft.person and draft.person.email == RESTRICTED)

    assert replay(limit=30).counted == withheld > 0
    whole = digest_contexts()
    assert whole == live_digest() != while_restricted
    crossings = list(Crossing.objects.order_by("id").values())
    versions = dict(AccountContext.objects.values_list("account_id", "version"))
    assert "up" in {row["direction"] for row in crossings}

    for what, statements in DAMAGES.items():
        damage(services, statements)
        assert digest_contexts() != whole, what
        run = replay(limit=30)
        assert digest_contexts() == whole, what
        assert run.mended + run.counted > 0, what
    assert replay().mended == 0
    assert list(Crossing.objects.order_by("id").values()) == crossings
    told = OutboxEvent.objects.filter(type="context.updated", data__crossing_id__isnull=False)
    assert told.exclude(data__crossing_id=None).count() == len(crossings)
    for account_id, version in AccountContext.objects.values_list("account_id", "version"):
        assert version > versions[account_id]


def test_signals_of_a_time_without_a_worker_count_for_their_range_only():
    received = [NOW - timedelta(days=2), NOW - timedelta(days=1), NOW]
    for number, at in enumerate(received):
        ingest([make_draft("demo_requested", crm_id=f"crm-{number}", occurred_at=at)], now=at)
    WorkItem.objects.all().delete()

    run = replay(since=received[1], until=received[1] + timedelta(hours=1))

    assert (run.looked_at, run.counted, run.accounts, LedgerEntry.objects.count()) == (1, 1, 1, 1)
    assert AccountContext.objects.get().intent_score > 0
    assert replay().counted == 2


def test_a_stopped_replay_goes_on_where_it_was(capsys):
    ingest([make_draft(crm_id=f"crm-{n % 7}") for n in range(60)], now=NOW - timedelta(minutes=5))
    first, _ = open_run(since=None, until=None, topic="", again=False, now=NOW)
    Replay(run_id=first.pk, clock=lambda: NOW, limit=25).step()

    with pytest.raises(OtherRunUnfinished):
        open_run(since=NOW, until=None, topic="", again=False, now=NOW)
    with pytest.raises(CommandError, match="unfinished"):
        call_command("replay", "--from", "2026-01-01")
    call_command("replay", "--digest", "--progress")

    printed = capsys.readouterr()
    assert f"Going on with replay {first.pk}" in printed.out
    assert "60 signals looked at, 60 of them had not counted yet" in printed.out
    assert f"ledger {digest_contexts()['ledger']}" in printed.out
    assert "100%" in printed.err
    assert ReplayRun.objects.get().counted == LedgerEntry.objects.count() == 60


def test_the_topic_hands_each_signal_to_the_workers_once(capsys):
    counted = ingest([make_draft() for _ in range(5)], now=NOW - timedelta(minutes=5))
    work()
    ingest([make_draft()], now=NOW - timedelta(minutes=4))
    WorkItem.objects.all().delete()
    before = list(Crossing.objects.values())

    call_command("replay", "--topic", "signal.ingested")

    assert "6 work items handed over" in capsys.readouterr().out
    add_work(counted)  # the broker repeats some beside it
    assert work(now=timezone.now()) == 6 + 5  # handed over by the clock
    assert LedgerEntry.objects.count() == 6
    assert list(Crossing.objects.values()) == before


def test_a_forged_ledger_row_is_told(services):
    ingest([make_draft(), make_draft()], now=NOW - timedelta(minutes=5))
    work()
    damage(services, "UPDATE contexts_ledgerentry SET mass = mass * 2 WHERE id % 2 = 0")

    with pytest.raises(CommandError, match="1 ledger rows do not follow"):
        call_command("replay")


def test_a_type_that_came_into_the_catalogue_later_counts_after_a_replay():
    row = SignalType.objects.get(name="demo_requested")
    ingest([make_draft("demo_requested")])
    SignalType.objects.filter(name=row.name).delete()
    work()
    assert not LedgerEntry.objects.exists()

    assert replay().counted == 0
    row.save(force_insert=True)

    assert replay().counted == 1


def test_beside_live_traffic_nothing_counts_twice_or_never():
    """Two replays at once, two workers and a door that takes more in; then one more replay mends nothing."""
    ids = ingest([make_draft(crm_id=f"crm-{n % 9}", email=f"p{n % 4}@acme.example") for n in range(300)])
    open_run(since=None, until=None, topic="", again=False, now=AT)
    run = ReplayRun.objects.get()
    done = Flag()

    def in_thread(act):
        try:
            return act()
        finally:
            connection.close()

    def replaying():
        steps = Replay(run_id=run.pk, clock=lambda: AT, limit=25)
        while steps.step().finished_at is None:
            pass

    def working():
        while not done.is_set():
            work(limit=20, now=AT)

    def arriving():
        for n in range(20):
            ids.extend(ingest([make_draft(crm_id=f"crm-{n % 9}") for _ in range(5)], now=AT))

    with ThreadPoolExecutor(6) as threads:
        workers = [threads.submit(in_thread, working) for _ in range(2)]
        others = [threads.submit(in_thread, act) for act in (replaying, replaying, arriving)]
        try:
            for one in others:
                one.result(timeout=60)
        finally:
            done.set()
        for one in workers:
            one.result(timeout=60)
    work(now=AT)

    assert LedgerEntry.objects.count() == len(set(ids)) == 400
    assert (replay().counted, ReplayRun.objects.latest("id").mended) == (0, 0)
    assert Crossing.objects.filter(direction="down").count() == 0
