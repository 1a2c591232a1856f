"""A configuration on its way into use: tried beside the old one, and in use only when complete."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.selectors import list_audit_events
from contexts import selectors
from contexts.icp import Criterion, IcpData
from contexts.models import AccountContext, WeightConfig
from contexts.rollout_models import ConfigRollout
from contexts.services import rollouts
from contexts.services.configs import store_configs
from contexts.tasks import roll_out_configs
from contexts.tests.factories import NOW, make_draft, score_of, score_signals
from contexts.tests.services.test_configs import history, store_slower

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=1)


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


class TestChangeIcp:
    def test_a_changed_rule_scores_the_fit_anew(self, admin_client):
        make_hot()
        AccountContext.objects.get().account.__class__.objects.update(attributes={"industry": "mining"})
        form = admin_client.get("/admin/contexts/icpdefinition/add/")
        assert 'value="software, technology, retail' in form.content.decode()

        answer = admin_client.post(
            "/admin/contexts/icpdefinition/add/",
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
        answer = admin_client.post("/admin/contexts/icpdefinition/add/", {"name": "x"} | rule)

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
