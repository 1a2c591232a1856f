"""Another configuration comes into use: half-lives replay, weights only re-score."""

from dataclasses import replace
from datetime import timedelta

import pytest

from compliance.selectors import list_audit_events
from contexts import selectors
from contexts.models import AccountContext, LedgerEntry, ScoreBucket
from contexts.scoring import DecayConfigData, WeightConfigData
from contexts.services.configs import UnknownConfig, store_configs
from contexts.services.rollouts import activate_configs
from contexts.services.sweeping import sweep
from contexts.tests.factories import NOW, add_work, make_draft, score_of, score_signals, work
from contexts.tests.services.test_concurrency import run_at_once

LATER = NOW + timedelta(minutes=1)


def history(count: int = 30):
    kinds = ["page_view", "demo_requested", "content_download"]
    return [
        make_draft(
            kinds[n % 3],
            ago=timedelta(days=n),
            email="a@acme.example" if n % 2 else None,
            crm_id=f"crm-{n % 4}",
        )
        for n in range(count)
    ]


def store_slower() -> tuple[int, int]:
    decay, weight = selectors.get_active_configs()
    slower = replace(decay, half_lives={name: 3 * value for name, value in decay.half_lives.items()})
    version, _ = store_configs(decay=slower, note="slower", now=NOW)
    return version, weight.version


def activate(decay_version: int, weight_version: int, *, now=LATER) -> int:
    return activate_configs(
        decay_version=decay_version, weight_version=weight_version, actor="user:1", now=now
    )


@pytest.mark.django_db
class TestActivateConfigs:
    def test_other_half_lives_replay_every_signal_and_change_the_scores(self):
        signal_ids = score_signals(*history())
        before = score_of("crm-0", as_of=LATER).intent

        activate(*store_slower())

        decay_id = selectors.get_active().decay_id
        replayed = LedgerEntry.objects.filter(decay_id=decay_id)
        assert set(replayed.values_list("signal_id", flat=True)) == set(signal_ids)
        assert LedgerEntry.objects.count() == 60
        assert score_of("crm-0", as_of=LATER).intent > before
        assert (
            selectors.get_score(
                account_id=selectors.get_account_id("crm-0"), as_of=NOW, known_at=NOW
            ).decay_version
            == 1
        )

    def test_a_replay_leaves_what_scoring_afresh_would(self):
        signal_ids = score_signals(*history())
        activate(*store_slower())
        decay_id = selectors.get_active().decay_id
        fields = ("account_id", "type", "stage", "subject_id", "bucket", "mass", "latest_at")
        replayed = sorted(ScoreBucket.objects.filter(decay_id=decay_id).values_list(*fields), key=str)

        add_work(signal_ids)
        work(now=LATER)

        assert sorted(ScoreBucket.objects.filter(decay_id=decay_id).values_list(*fields), key=str) == replayed
        masses = [mass for *_, mass, _ in replayed]
        assert sum(masses) == sum(
            LedgerEntry.objects.filter(decay_id=decay_id).values_list("mass", flat=True)
        )

    def test_going_back_takes_along_what_arrived_in_between(self):
        score_signals(*history(6))
        version, weight_version = store_slower()
        activate(version, weight_version)
        score_signals(make_draft("demo_requested", crm_id="crm-0", occurred_at=LATER), now=LATER)

        activate(1, weight_version, now=LATER)

        assert LedgerEntry.objects.filter(decay_id=selectors.get_active().decay_id).count() == 7

    def test_other_weights_touch_no_ledger_row(self):
        score_signals(*history(6))
        before, rows = score_of("crm-0").intent, LedgerEntry.objects.count()
        decay, weight = selectors.get_active_configs()
        _, version = store_configs(weight=replace(weight, rho=weight.rho / 2), note="steeper", now=NOW)

        activate(decay.version, version)

        assert LedgerEntry.objects.count() == rows
        assert score_of("crm-0", as_of=LATER).intent > before
        contexts = AccountContext.objects.all()
        assert {c.activation_id for c in contexts} == {selectors.get_active().activation_id}

    def test_the_same_pair_again_changes_nothing(self):
        decay, weight = selectors.get_active_configs()
        before = selectors.get_active().activation_id

        assert activate(decay.version, weight.version) == before

    def test_is_audited_and_unknown_versions_are_refused(self):
        activate(*store_slower())

        [entry] = list_audit_events(name="config.activated")
        assert (entry.actor, entry.payload["decay_version"]) == ("user:1", 2)
        with pytest.raises(UnknownConfig):
            activate(99, 1)

    def test_a_sweep_finishes_an_interrupted_rescoring(self):
        score_signals(*history(6))
        stale = selectors.get_active().activation_id
        activate(*store_slower())
        AccountContext.objects.update(activation_id=stale, intent_score=0)

        sweep(now=LATER)

        assert not AccountContext.objects.filter(activation_id=stale).exists()

    def test_erased_persons_are_not_replayed(self):
        from compliance import erasure, subjects

        score_signals(*history(6))
        subject_id = subjects.find_subject(email="a@acme.example")
        erasure.erase(subject_id=subject_id, actor="user:1", now=NOW)

        activate(*store_slower())

        decay_id = selectors.get_active().decay_id
        assert not LedgerEntry.objects.filter(decay_id=decay_id, subject_id=subject_id).exists()
        assert LedgerEntry.objects.filter(decay_id=decay_id).count() == 3


@pytest.mark.django_db(transaction=True)
def test_signals_that_arrive_during_a_replay_count_under_the_new_half_lives():
    signal_ids = score_signals(*history(200))
    versions = store_slower()
    drafts = history(200)

    def keep_scoring() -> None:
        for start in range(0, 200, 20):
            signal_ids.extend(score_signals(*drafts[start : start + 20], now=LATER))

    run_at_once(keep_scoring, lambda: activate(*versions))

    counted = LedgerEntry.objects.filter(decay_id=selectors.get_active().decay_id)
    assert set(counted.values_list("signal_id", flat=True)) == set(signal_ids)
    assert sum(
        ScoreBucket.objects.filter(decay_id=selectors.get_active().decay_id).values_list("mass", flat=True)
    ) == sum(counted.values_list("mass", flat=True))


@pytest.mark.django_db
def test_the_json_forms_return():
    decay, weight = selectors.get_active_configs()

    assert DecayConfigData.from_dict(decay.to_dict()) == decay
    assert WeightConfigData.from_dict(weight.to_dict()) == weight


@pytest.mark.django_db
def test_an_empty_threshold_means_the_setting(settings):
    settings.HIGH_INTENT_THRESHOLD = 42.0

    assert selectors.get_active_configs()[1].hot_threshold == 42.0


@pytest.mark.django_db
def test_a_config_that_cannot_be_scored_with_is_refused():
    _, weight = selectors.get_active_configs()

    with pytest.raises(ValueError, match="damping"):
        replace(weight, damping={"opportunity_lost": 0.0})
