"""A configuration on its way into use: tried beside the old one, and in use only when complete."""

from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.selectors import list_audit_events
from contexts import selectors
from contexts.icp import Criterion, IcpData
from contexts.models import AccountContext, LedgerEntry, WeightConfig
from contexts.rollout_models import ConfigRollout
from contexts.services import rollouts
from contexts.services.configs import store_configs
from contexts.tasks import roll_out_configs
from contexts.tests.factories import NOW, make_draft, score_of, score_signals
from contexts.tests.services.test_concurrency import run_at_once
from contexts.tests.services.test_configs import history, store_slower

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=1)
ADD_PROFILE = "/admin/contexts/icpdefinition/add/"


def begin(decay_version: int, weight_version: int) -> ConfigRollout:
    return rollouts.open_rollout(
        decay_version=decay_version, weight_version=weight_version, actor="user:1", now=NOW
    )


def make_hot() -> None:
    kinds = ("demo_requested", "meeting_booked", "trial_started", "email_reply")
    score_signals(*[make_draft(kind) for kind in kinds])


class TestStep:
    def test_the_pointer_moves_when_replay_and_trial_are_complete(self):
        score_signals(*history())
        before, rows = score_of("crm-0"), list(AccountContext.objects.order_by("pk").values())
        rollout = begin(*store_slower())
        assert (rollout.phase, rollout.share_done) == ("replay", 0.0)

        phases = []
        while rollout.activated_at is None:
            assert score_of("crm-0") == before
            assert list(AccountContext.objects.order_by("pk").values()) == rows
            rollout = rollouts.step(rollout_id=rollout.pk, now=LATER)
            phases.append(rollout.phase)
        assert selectors.get_active_configs()[0].version == 2
        while rollout.finished_at is None:
            rollout = rollouts.step(rollout_id=rollout.pk, now=LATER)

        assert phases[0] == "replay"
        assert phases[-1] == "scores"
        assert (rollout.phase, rollout.share_done) == ("done", 1.0)
        assert (rollout.replayed, rollout.tried, rollout.scored) == (30, 4, 4)
        assert score_of("crm-0", as_of=LATER).decay_version == 2
        assert len(list_audit_events(name="config_rollout.finished")) == 1

    def test_the_trial_tells_how_many_would_cool_down(self):
        make_hot()
        _, weight = selectors.get_active_configs()
        _, version = store_configs(weight=replace(weight, rho=500.0, dwell_seconds=0), note="mild", now=NOW)
        rollout = begin(1, version)

        while rollout.activated_at is None:
            rollout = rollouts.step(rollout_id=rollout.pk, now=LATER)

        assert (rollout.would_rise, rollout.would_fall) == (0, 1)

    def test_the_workers_carry_one_out_and_another_supersedes_it(self):
        score_signals(*history(6))
        first = begin(*store_slower())
        _, weight = selectors.get_active_configs()
        _, version = store_configs(weight=replace(weight, rho=40.0), note="other", now=NOW)
        second = rollouts.open_rollout(decay_version=1, weight_version=version, actor="user:2", now=NOW)
        [superseded] = list_audit_events(name="config_rollout.superseded")
        assert (superseded.target_id, superseded.actor) == (str(first.pk), "user:2")

        assert roll_out_configs() > 0
        assert roll_out_configs() == 0

        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.phase, second.phase) == ("superseded", "done")
        assert selectors.get_active_configs()[1].rho == 40.0

    def test_one_that_came_into_use_says_so_when_it_is_superseded(self, admin_client):
        score_signals(*history(6))
        _, weight = selectors.get_active_configs()
        _, version = store_configs(weight=replace(weight, rho=40.0), note="other", now=NOW)
        rollout = begin(1, version)
        while rollout.activated_at is None:
            rollout = rollouts.step(rollout_id=rollout.pk, now=LATER)
        begin(*store_slower())

        for page in ("", f"{rollout.pk}/change/"):
            shown = admin_client.get(f"/admin/contexts/configrollout/{page}").content.decode()
            assert "Came into use, superseded before all scores were written" in shown

    def test_scores_go_on_after_the_last_chunk_and_what_came_late_is_caught(self, monkeypatch):
        monkeypatch.setattr(rollouts, "RESCORE_CHUNK", 2)
        score_signals(*[make_draft(crm_id=f"crm-{n}") for n in range(5)])
        old, ids = (
            selectors.get_active().activation_id,
            sorted(AccountContext.objects.values_list("pk", flat=True)),
        )
        _, weight = selectors.get_active_configs()
        _, version = store_configs(weight=replace(weight, rho=40.0), note="other", now=NOW)
        rollout = begin(1, version)
        while rollout.activated_at is None:
            rollout = rollouts.step(rollout_id=rollout.pk, now=LATER)

        with CaptureQueriesContext(connection) as queries:
            for last in (ids[1], ids[3]):  # whichever worker is at it
                assert rollouts.step(now=LATER).after_account == last
        said = [query["sql"] or "" for query in queries]
        assert any(
            f"\"account_id\" > '{ids[1].hex}'" in sql for sql in said
        )  # none that is done is passed again
        AccountContext.objects.filter(pk=ids[0]).update(activation=old)
        roll_out_configs()

        assert not AccountContext.objects.filter(activation=old).exists()
        rollout.refresh_from_db()
        assert (rollout.phase, rollout.scored) == ("done", 6)

    def test_what_came_during_the_trial_is_replayed_before_the_workers_have_to_wait(self, monkeypatch):
        monkeypatch.setattr(rollouts, "CATCH_UP", 3)
        score_signals(*history(6))
        rollout = begin(*store_slower())
        while rollout.phase == "replay":
            rollout = rollouts.step(rollout_id=rollout.pk, now=LATER)
        score_signals(*history(6))

        while rollout.activated_at is None:
            before = LedgerEntry.objects.filter(decay=rollout.decay).count()
            rollout = rollouts.step(rollout_id=rollout.pk, now=LATER)

        after = LedgerEntry.objects.filter(decay=rollout.decay).count()
        assert (after, after - before, rollout.replayed) == (12, 0, 12)


@pytest.mark.django_db(transaction=True)
def test_one_that_is_opened_while_another_moves_the_pointer_waits_for_it(monkeypatch):
    score_signals(*history(3))
    first = begin(*store_slower())
    _, weight = selectors.get_active_configs()
    _, version = store_configs(weight=replace(weight, rho=40.0), note="other", now=NOW)
    swap, at_the_pointer = rollouts.swap, Event()

    def swap_later(*args, **kwargs):
        monkeypatch.undo()
        at_the_pointer.set()
        wait_until_somebody_waits()
        return swap(*args, **kwargs)

    def open_another():
        assert at_the_pointer.wait(30)
        begin(1, version)

    monkeypatch.setattr(rollouts, "swap", swap_later)
    run_at_once(roll_out_configs, open_another)
    roll_out_configs()

    first.refresh_from_db()
    assert first.activated_at is not None
    assert ConfigRollout.objects.latest("pk").phase == "done"
    assert selectors.get_active_configs()[1].rho == 40.0


def wait_until_somebody_waits() -> None:
    """Return once another connection waits for what this transaction holds."""
    waits = (
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
        " AND pg_backend_pid() = ANY(pg_blocking_pids(pid))), pg_sleep(0.01)"
    )
    with connection.cursor() as cursor:
        for _ in range(1_000):
            cursor.execute(waits)
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")


class TestChangeIcp:
    def test_a_changed_rule_scores_the_fit_anew(self, admin_client):
        make_hot()
        AccountContext.objects.get().account.__class__.objects.update(attributes={"industry": "mining"})
        form = admin_client.get(ADD_PROFILE)
        assert 'value="software, technology, retail' in form.content.decode()

        answer = admin_client.post(
            ADD_PROFILE,
            {"name": "Miners", "field_1": "industry", "weight_1": "2", "one_of_1": "Mining, Quarrying"},
        )
        roll_out_configs()

        assert answer.status_code == 302
        score = score_of()
        assert (score.fit, score.priority) == (1.0, score.intent)
        assert [reason["outcome"] for reason in score.fit_reasons] == ["met"]
        assert AccountContext.objects.get().fit_score == 1.0
        assert admin_client.get("/admin/contexts/configrollout/").status_code == 200

    @pytest.mark.parametrize(
        "rule",
        [
            {"field_1": "employees", "one_of_1": "many"},
            {"field_1": "industry", "low_1": "3"},
            {"field_1": "employees", "low_1": "9", "high_1": "3"},
            {"field_1": "industry", "one_of_1": "a", "field_2": "industry", "one_of_2": "b"},
        ],
    )
    def test_a_rule_that_makes_no_sense_is_refused(self, admin_client, rule):
        answer = admin_client.post(ADD_PROFILE, {"name": "x"} | rule)

        assert answer.status_code == 200
        assert not ConfigRollout.objects.exists()

    def test_other_rules_leave_the_threshold_to_the_setting(self, settings):
        criteria = (Criterion(field="country", weight=1, one_of=("de",)),)
        rollout = rollouts.change_icp(
            icp=IcpData(version=0, name="Germans", criteria=criteria), actor="user:1", now=NOW
        )
        roll_out_configs()
        settings.HIGH_INTENT_THRESHOLD = 30.0

        _, weight = selectors.get_active_configs()
        assert WeightConfig.objects.get(pk=rollout.weight_id).hot_threshold is None
        assert (weight.hot_threshold, weight.warm_threshold, weight.icp.name) == (30.0, 30.0, "Germans")

    def test_a_threshold_that_a_setting_lowered_for_a_while_comes_back(self, settings):
        settings.HIGH_INTENT_THRESHOLD, usual = 20.0, settings.HIGH_INTENT_THRESHOLD
        warm = WeightConfig.objects.get(version=1).warm_threshold
        rollouts.change_icp(icp=IcpData(version=0, name="All", criteria=()), actor="user:1", now=NOW)
        roll_out_configs()
        assert selectors.get_active_configs()[1].warm_threshold == 20.0 < warm

        settings.HIGH_INTENT_THRESHOLD = usual

        _, weight = selectors.get_active_configs()
        assert (weight.icp.name, weight.warm_threshold, weight.hot_threshold) == ("All", warm, usual)

    def test_no_rule_of_a_long_profile_is_lost_on_saving_it_again(self, admin_client):
        names = [*(f"code_{n}" for n in range(9)), "country"]
        criteria = tuple(Criterion(field=name, weight=1, one_of=("x",)) for name in names)
        rollouts.change_icp(icp=IcpData(version=0, name="Long", criteria=criteria), actor="user:1", now=NOW)
        roll_out_configs()

        form = admin_client.get(ADD_PROFILE).context["adminform"].form
        typed = {name: value for name, value in form.initial.items() if value is not None}
        lines = {name: typed.get(name, "") for name in form.fields}
        answer = admin_client.post(ADD_PROFILE, lines | {"name": "Long as before"})
        roll_out_configs()

        assert answer.status_code == 302
        profile = selectors.get_active_configs()[1].icp
        assert (profile.name, profile.criteria) == ("Long as before", criteria)

    def test_is_refused_while_another_configuration_is_on_its_way(self, admin_client):
        rollout = begin(*store_slower())

        answer = admin_client.post(ADD_PROFILE, {"name": "Everybody"})

        assert "Another configuration is on its way" in answer.content.decode()
        with pytest.raises(rollouts.RolloutUnderWay):
            rollouts.change_icp(icp=IcpData(version=0, name="", criteria=()), actor="user:1", now=NOW)
        roll_out_configs()
        rollout.refresh_from_db()
        assert rollout.phase == "done"
        assert admin_client.post(ADD_PROFILE, {"name": "Everybody"}).status_code == 302
