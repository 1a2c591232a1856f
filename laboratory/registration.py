"""What the laboratory hands to the layers below at start."""

from compliance import audit
from laboratory import selectors
from revctx.observability.registry import register_gauge

TRANSITIONS = frozenset(
    {
        "experiment.created",
        "experiment_run.queued",
        "promotion.requested",
        "promotion.approved",
        "promotion.rejected",
        "promotion.voided",
        "promotion.rolled_back",
    }
)


def register() -> None:
    """Register audited transitions and the gauge of active experiments."""
    audit.register_transitions("laboratory", TRANSITIONS)
    register_gauge(
        "laboratory_experiments_active",
        "Experiments with a run that is queued or running.",
        selectors.count_active_experiments,
    )
