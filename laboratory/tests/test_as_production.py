"""A champion's replay decides what production decided: merges, retractions, dwell and cool-down included."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from compliance import erasure, subjects
from compliance.selectors import list_audit_events
from contexts.selectors import get_account_id
from contexts.services.merging import merge, undo
from contexts.services.retracting import retract_signals
from contexts.services.sweeping import sweep
from laboratory import selectors
from laboratory.contracts import ChallengerSpec, ExperimentDraft
from laboratory.models import Run
from laboratory.report import fingerprint
from laboratory.services import experiments
from laboratory.tests.factories import make_draft, make_person, store_history, work_off

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

# Signals live in partitions of this month and the next ones, so what happens here begins now.
START = datetime.now(UTC).replace(microsecond=0)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
END = START + 48 * HOUR
STRONG = ("demo_requested", "meeting_booked", "trial_started", "email_reply")  # two are warm, three are hot
Decisions = set[tuple[str, timedelta]]


def store(account: str, *kinds: str, after: timedelta = timedelta(0), email: str = "") -> list[UUID]:
    at = START + after
    drafts = [
        make_draft(
            account,
            at,
            type=kind,
            external_id=f"{account}-{kind}-{after}-{email}",
            person=make_person(email) if email else None,
        )
        for kind in kinds
    ]
    return store_history(drafts, now=at)


def retract(signal_ids: list[UUID], *, after: timedelta) -> None:
    retract_signals(signal_ids=signal_ids, reason="mistaken", actor="user:1", now=START + after)


def join(kind: str, merged_id: UUID, survivor_id: UUID, *, after: timedelta) -> UUID:
    return merge(kind=kind, merged_id=merged_id, survivor_id=survivor_id, actor="user:1", now=START + after)


def part(merge_id: UUID, *, after: timedelta) -> None:
    undo(merge_id=merge_id, actor="user:1", now=START + after)


def person_of(email: str) -> UUID:
    found = subjects.find_subject(email=email)
    assert found is not None
    return found


def run_experiment(**values: object) -> Run:
    """Run an experiment whose challenger changes nothing."""
    draft = ExperimentDraft(name="as it was", challenger=ChallengerSpec(), **values)
    experiment = experiments.create_experiment(draft=draft, user_id=1, now=END)
    return run_again(experiment.pk)


def run_again(experiment_id: UUID) -> Run:
    experiments.request_run(experiment_id=experiment_id, user_id=1, now=END)
    run = work_off(now=END)
    assert run is not None
    return run


def list_decisions(run: Run) -> Decisions:
    rows = [one for one in selectors.list_decisions(run.pk) if one.arm == "champion"]
    return {(name_of(one.account_id), one.at - START) for one in rows}


def list_crossings() -> Decisions:
    """Return production's upward crossings, as the audit log tells them."""
    told = list_audit_events(name="context.updated")
    ups = [one for one in told if one.payload["direction"] == "up"]
    return {(name_of(one.account_id), one.occurred_at - START) for one in ups}


def name_of(account_id: UUID | None) -> str:
    return next(name for name in ("a", "b") if get_account_id(name, known_at=START) == account_id)


class TestSameDecisions:
    def test_a_retraction_cools_and_the_cool_down_holds_until_time_alone_ends_it(self):
        ids = store("a", *STRONG)
        retract(ids[1:], after=HOUR)
        store("a", *STRONG, after=2 * HOUR)
        sweep(now=START + 5 * HOUR)

        assert list_decisions(run_experiment()) == list_crossings() == {("a", 0 * HOUR), ("a", 5 * HOUR)}

    def test_the_dwell_holds_a_hot_account(self):
        ids = store("a", *STRONG[:3])
        retract(ids[1:], after=5 * MINUTE)
        store("a", *STRONG, after=10 * MINUTE)
        retract(store("a", "demo_requested", after=11 * MINUTE), after=12 * MINUTE)

        assert list_decisions(run_experiment()) == list_crossings() == {("a", 0 * HOUR)}

    def test_what_the_dwell_held_too_long_falls_when_it_is_over(self):
        ids = store("a", *STRONG[:3])
        retract(ids[1:], after=5 * MINUTE)
        fell = 15 * MINUTE + timedelta(seconds=1)
        sweep(now=START + fell)
        store("a", *STRONG, after=20 * MINUTE)
        sweep(now=START + fell + 4 * HOUR)

        expected = {("a", 0 * HOUR), ("a", fell + 4 * HOUR)}
        assert list_decisions(run_experiment()) == list_crossings() == expected

    def test_one_signal_may_be_the_newest_of_two_crossings(self):
        store("a", *STRONG[:2])
        store("b", *STRONG[2:])
        accounts = [get_account_id(name) for name in ("b", "a")]
        part(join("account", *accounts, after=HOUR), after=10 * HOUR)
        sweep(now=START + 14 * HOUR)
        join("account", *accounts, after=20 * HOUR)

        decisions = list_decisions(run_experiment())
        assert decisions == list_crossings() == {("a", 1 * HOUR), ("a", 20 * HOUR)}

    def test_merged_accounts_count_as_one_until_the_merge_is_undone(self):
        store("a", *STRONG[:2])
        store("b", *STRONG[2:])
        merge_id = join("account", get_account_id("b"), get_account_id("a"), after=HOUR)
        part(merge_id, after=10 * HOUR)
        sweep(now=START + 14 * HOUR)
        join("account", get_account_id("a"), get_account_id("b"), after=20 * HOUR)
        store("a", "usage_limit_reached", after=21 * HOUR)

        expected = {("a", HOUR), ("b", 20 * HOUR)}
        assert list_decisions(run_experiment()) == list_crossings() == expected

    def test_a_hot_account_that_was_merged_and_parted_gets_its_band_back(self):
        store("a", *STRONG)
        store("b", *STRONG)
        merge_id = join("account", get_account_id("b"), get_account_id("a"), after=HOUR)
        part(merge_id, after=2 * HOUR)
        store("b", "usage_limit_reached", after=3 * HOUR)

        expected = {("a", 0 * HOUR), ("b", 0 * HOUR), ("b", 2 * HOUR)}
        assert list_decisions(run_experiment()) == list_crossings() == expected

    @pytest.mark.parametrize("is_parted", [False, True])
    def test_persons_who_are_one_count_as_one(self, is_parted):
        for person in ("ana@lab.example", "ann@lab.example", "anna@lab.example"):
            store("a", "pricing_page_view", email=person)
        survivor = person_of("ana@lab.example")
        merges = [
            join("contact", person_of(email), survivor, after=HOUR)
            for email in ("ann@lab.example", "anna@lab.example")
        ]
        if is_parted:
            for merge_id in reversed(merges):
                part(merge_id, after=2 * HOUR)
        store("a", "demo_requested", "content_download", after=3 * HOUR)

        expected = {("a", 3 * HOUR)} if is_parted else set()
        assert list_decisions(run_experiment()) == list_crossings() == expected


class TestKnowledge:
    def test_what_was_recorded_later_has_not_happened_yet(self):
        ids = store("a", *STRONG[:2])
        store("b", *STRONG[2:])
        first = run_experiment(known_at=START + 2 * HOUR)
        merge_id = join("account", get_account_id("b"), get_account_id("a"), after=3 * HOUR)
        part(merge_id, after=4 * HOUR)
        retract(ids, after=5 * HOUR)

        again = run_again(first.experiment_id)
        later = run_experiment()

        assert list_decisions(first) == list_decisions(again) == set()
        assert (again.manifest, again.metrics_sha256) == (first.manifest, fingerprint(first.metrics))
        assert list_decisions(later) == {("a", 3 * HOUR)}
        assert later.manifest["signals"]["changes"] == 4
        assert run_again(later.experiment_id).metrics_sha256 == later.metrics_sha256

    def test_links_of_an_erased_person_are_not_seen(self):
        for person in ("ana@lab.example", "ann@lab.example"):
            store("a", "demo_requested", email=person)
        merged, survivor = person_of("ann@lab.example"), person_of("ana@lab.example")
        join("contact", merged, survivor, after=HOUR)
        assert run_experiment().manifest["signals"]["changes"] == 1

        erasure.erase(subject_id=survivor, actor="system:test", now=END)

        assert run_experiment().manifest["signals"]["changes"] == 0

    def test_a_deal_that_advanced_under_the_survivor_counts_and_one_taken_back_does_not(self):
        store("a", *STRONG)
        store("b", "page_view")
        won = store("b", "opportunity_won", after=2 * HOUR)
        join("account", get_account_id("b"), get_account_id("a"), after=3 * HOUR)
        assert run_experiment().metrics["arms"]["champion"]["hits"] == 1

        retract(won, after=4 * HOUR)

        assert run_experiment().metrics["arms"]["champion"]["hits"] == 0
