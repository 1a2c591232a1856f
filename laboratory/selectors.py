"""Reads of the laboratory."""

from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from laboratory.models import CrossingDecision, Experiment, Promotion, Run
from revctx.api.errors import NotFound


def count_active_experiments() -> float:
    """Count the experiments with an open run."""
    return float(Run.objects.filter(state__in=Run.OPEN).values("experiment").distinct().count())


def list_experiments() -> QuerySet[Experiment]:
    """Return experiments, newest first, each with `run_state` and `verdict` of its newest run."""
    newest = Run.objects.filter(experiment=OuterRef("pk")).order_by("-created_at", "-id")
    return Experiment.objects.annotate(
        run_state=Subquery(newest.values("state")[:1]),
        verdict=Subquery(newest.values("metrics__verdict")[:1]),
    ).order_by("-created_at", "-id")


def get_experiment(experiment_id: UUID) -> Experiment:
    """Return one experiment. Raises NotFound."""
    experiment = Experiment.objects.filter(pk=experiment_id).first()
    if experiment is None:
        raise NotFound("not_found", "There is no such experiment.")
    return experiment


def find_newest_run(experiment_id: UUID) -> Run | None:
    """Return the experiment's newest run, whatever its state, or None."""
    return Run.objects.filter(experiment_id=experiment_id).order_by("-created_at", "-id").first()


def find_done_run(experiment_id: UUID) -> Run | None:
    """Return the experiment's newest run that is done, or None."""
    done = Run.objects.filter(experiment_id=experiment_id, state=Run.State.DONE)
    return done.order_by("-created_at", "-id").first()


def list_decisions(run_id: UUID) -> QuerySet[CrossingDecision]:
    """Return the crossings of both arms of a run, in time order."""
    return CrossingDecision.objects.filter(run_id=run_id).order_by("at", "id")


def list_promotions(experiment_id: UUID) -> QuerySet[Promotion]:
    """Return the promotions that were asked for, newest first."""
    return Promotion.objects.filter(experiment_id=experiment_id).order_by("-created_at", "-id")


def get_promotion(promotion_id: UUID) -> Promotion:
    """Return one promotion. Raises NotFound."""
    promotion = Promotion.objects.filter(pk=promotion_id).first()
    if promotion is None:
        raise NotFound("not_found", "There is no such promotion.")
    return promotion
