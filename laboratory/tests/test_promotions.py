"""Promotion needs two people, unchanged ground, and can be taken back by one step."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, connections

from compliance import erasure, subjects
from contexts.selectors.configs import get_active_configs
from contexts.services import rollouts
from contexts.services.configs import store_configs
from contexts.services.rollouts import activate_configs
from contexts.tasks import roll_out_configs
from laboratory.contracts import ChallengerSpec, ExperimentDraft
from laboratory.models import Promotion
from laboratory.services import experiments, promotions
from laboratory.tests.factories import (
    LONGER,
    make_draft,
    make_history,
    make_person,
    store_history,
    work_off,
)
from revctx.api.errors import ApiError, Conflict, Forbidden, Gone

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

NOW = datetime.now(UTC).replace(microsecond=0)
PROPOSER, APPROVER, THIRD = 101, 102, 103


def propose(challenger: ChallengerSpec = LONGER, *, history: bool = True) -> Promotion:
    if history:
        make_history(now=NOW)
    draft = ExperimentDraft(name="longer memory", challenger=challenger)
    experiment = experiments.create_experiment(draft=draft, user_id=PROPOSER, now=NOW)
    experiments.request_run(experiment_id=experiment.pk, user_id=PROPOSER, now=NOW)
    work_off(now=NOW)
    return promotions.request_promotion(
        experiment_id=experiment.pk, reason="remembers longer", user_id=PROPOSER, now=NOW
    )


def approve(promotion: Promotion, user_id: int = APPROVER, now: datetime = NOW) -> Promotion:
    return promotions.approve_promotion(promotion_id=promotion.pk, user_id=user_id, now=now)


def active_versions() -> tuple[int, int]:
    decay, weight = get_active_configs()
    return decay.version, weight.version


def audited(promotion: Promotion) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM audit_logs WHERE target_id = %s ORDER BY name", [str(promotion.pk)])
        return [row[0] for row in cursor.fetchall()]


class TestFourEyes:
    def test_another_person_changes_production_over(self):
        promotion = propose()
        before = active_versions()

        approved = approve(promotion)

        assert (approved.state, approved.approver, approved.applied_at) == ("approved", APPROVER, NOW)
        assert active_versions() == (promotion.decay_after, promotion.weight_after) != before
        assert get_active_configs()[0].half_lives["demo_requested"] == 60 * 86_400
        assert audited(promotion) == ["promotion.approved", "promotion.requested"]

    def test_the_proposer_alone_can_not(self):
        promotion = propose()
        before = active_versions()

        with pytest.raises(Forbidden) as refused:
            approve(promotion, PROPOSER)

        assert refused.value.code == "own_proposal"
        assert active_versions() == before
        assert Promotion.objects.get(pk=promotion.pk).state == "requested"

    def test_nor_by_writing_the_row(self):
        promotion = propose()

        with pytest.raises(IntegrityError, match="lab_promotion_four_eyes"):
            Promotion.objects.filter(pk=promotion.pk).update(state="approved", approver=PROPOSER)

    def test_it_expires(self):
        promotion = propose()

        with pytest.raises(Gone):
            approve(promotion, now=promotion.expires_at)

    def test_an_expired_one_makes_way_for_the_next(self):
        promotion = propose()

        second = promotions.request_promotion(
            experiment_id=promotion.experiment_id, reason="again", user_id=THIRD, now=promotion.expires_at
        )

        promotion.refresh_from_db()
        assert (promotion.state, promotion.void_reason, second.state) == ("void", "expired", "requested")
        assert "promotion.voided" in audited(promotion)

    def test_rejected_stays_rejected(self):
        promotion = propose()
        promotions.reject_promotion(promotion_id=promotion.pk, user_id=APPROVER, now=NOW)

        with pytest.raises(Conflict) as refused:
            approve(promotion)

        assert refused.value.extra == {"state": "rejected"}
        assert audited(promotion) == ["promotion.rejected", "promotion.requested"]

    def test_two_approvals_at_once_change_over_once(self):
        promotion = propose()
        outcomes: list[str] = []
        start = threading.Barrier(2)

        def decide(user_id: int) -> None:
            start.wait()
            try:
                outcomes.append(approve(promotion, user_id).state)
            except ApiError as error:
                outcomes.append(error.code)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=decide, args=(user,)) for user in (APPROVER, THIRD)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert "approved" in outcomes
        assert set(outcomes) <= {"approved", "wrong_state"}
        assert audited(promotion).count("promotion.approved") == 1
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM contexts_configactivation WHERE actor LIKE 'user:%'")
            assert cursor.fetchone() == (1,)


class TestVoid:
    def refused(self, promotion: Promotion) -> str:
        before = active_versions()
        with pytest.raises(Conflict) as refused:
            approve(promotion)
        assert active_versions() == before
        promotion.refresh_from_db()
        assert (promotion.state, promotion.void_reason) == ("void", refused.value.code)
        assert audited(promotion) == ["promotion.requested", "promotion.voided"]
        return refused.value.code

    def test_another_configuration_in_use_voids_it(self):
        promotion = propose()
        other = propose(ChallengerSpec(hot_threshold=60), history=False)
        approve(other)

        assert self.refused(promotion) == "configuration_changed"

    def test_an_erased_person_voids_it(self):
        draft = make_draft("lab-erased", NOW - timedelta(days=40), person=make_person("ana@lab.example"))
        store_history([draft], now=NOW)
        promotion = propose()
        subject_id = subjects.find_subject(email="ana@lab.example")
        erasure.erase(subject_id=subject_id, actor="system:test", now=NOW)

        assert self.refused(promotion) == "signals_changed"

    def test_new_signals_do_not(self):
        promotion = propose()
        later = NOW + timedelta(minutes=1)
        store_history([make_draft("lab-new", NOW)], now=later)

        assert approve(promotion, now=later).state == "approved"


class TestProposal:
    def test_without_a_finished_run_there_is_nothing_to_promote(self):
        draft = ExperimentDraft(name="not run", challenger=LONGER)
        experiment = experiments.create_experiment(draft=draft, user_id=PROPOSER, now=NOW)

        with pytest.raises(Conflict) as refused:
            promotions.request_promotion(experiment_id=experiment.pk, reason="", user_id=PROPOSER, now=NOW)

        assert refused.value.code == "not_run"

    def test_the_same_configuration_again_is_refused(self):
        with pytest.raises(Conflict) as refused:
            propose(ChallengerSpec())

        assert refused.value.code == "nothing_to_promote"

    def test_one_open_promotion_an_experiment(self):
        promotion = propose()

        with pytest.raises(Conflict) as refused:
            promotions.request_promotion(
                experiment_id=promotion.experiment_id, reason="", user_id=THIRD, now=NOW
            )

        assert refused.value.code == "already_requested"


class TestRollback:
    def roll_back(self, promotion: Promotion) -> Promotion:
        return promotions.roll_back_promotion(promotion_id=promotion.pk, user_id=THIRD, now=NOW)

    def test_one_step_back_restores_what_was(self):
        promotion = propose()
        before = active_versions()
        approve(promotion)

        rolled_back = self.roll_back(promotion)

        assert active_versions() == before
        assert (rolled_back.state, rolled_back.rolled_back_by) == ("rolled_back", THIRD)
        assert audited(promotion) == ["promotion.approved", "promotion.requested", "promotion.rolled_back"]

    def test_it_can_not_be_done_twice_or_before(self):
        promotion = propose()
        with pytest.raises(Conflict):
            self.roll_back(promotion)
        approve(promotion)
        self.roll_back(promotion)

        with pytest.raises(Conflict):
            self.roll_back(promotion)

    def test_it_does_not_undo_what_somebody_put_into_use_later(self):
        promotion = propose()
        approve(promotion)
        later = propose(ChallengerSpec(hot_threshold=60), history=False)
        approve(later)
        in_use = active_versions()

        with pytest.raises(Conflict) as refused:
            self.roll_back(promotion)

        assert refused.value.code == "configuration_changed"
        assert active_versions() == in_use


def test_an_interrupted_change_is_finished_by_asking_again():
    promotion = propose()
    approve(promotion)
    activate_configs(
        decay_version=promotion.decay_before,
        weight_version=promotion.weight_before,
        actor="system:test",
        now=NOW,
    )
    Promotion.objects.filter(pk=promotion.pk).update(applied_at=None)

    finished = approve(promotion)

    assert finished.applied_at == NOW
    assert active_versions() == (promotion.decay_after, promotion.weight_after)


class TestSuperseded:
    """An operator puts another configuration on its way while an approval changes production over."""

    @pytest.fixture
    def promotion(self, monkeypatch) -> Promotion:
        promotion, step = propose(), rollouts.step
        _, version = store_configs(weight=replace(get_active_configs()[1], rho=40.0), note="", now=NOW)

        def overtaken(**kwargs):
            monkeypatch.undo()
            rollouts.open_rollout(
                decay_version=promotion.decay_before, weight_version=version, actor="user:7", now=NOW
            )
            return step(**kwargs)

        monkeypatch.setattr(rollouts, "step", overtaken)
        with pytest.raises(Conflict) as refused:
            approve(promotion)
        assert refused.value.code == "superseded"
        promotion.refresh_from_db()
        return promotion

    def test_is_seen_and_finished_by_asking_again(self, promotion):
        assert (promotion.state, promotion.applied_at) == ("approved", None)
        assert active_versions() == (promotion.decay_before, promotion.weight_before)

        assert approve(promotion).applied_at == NOW
        assert active_versions() == (promotion.decay_after, promotion.weight_after)

    def test_is_void_once_the_other_is_in_use(self, promotion):
        roll_out_configs()
        in_use = active_versions()

        with pytest.raises(Conflict) as refused:
            approve(promotion)

        assert refused.value.code == "configuration_changed"
        assert refused.value.extra == {"state": "void"}
        assert active_versions() == in_use
        assert "promotion.voided" in audited(promotion)


def test_none_is_approved_while_another_configuration_is_on_its_way():
    promotion = propose()
    _, version = store_configs(weight=replace(get_active_configs()[1], rho=40.0), note="", now=NOW)
    rollouts.open_rollout(
        decay_version=promotion.decay_before, weight_version=version, actor="user:7", now=NOW
    )

    with pytest.raises(Conflict) as refused:
        approve(promotion)

    assert refused.value.code == "busy"
    promotion.refresh_from_db()
    assert promotion.state == "requested"
