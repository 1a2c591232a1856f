"""What the laboratory hands to the layers below at start."""

from compliance import audit
from laboratory import places, selectors
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

_UNRECORDED_PROMOTIONS = """
SELECT p.id::text FROM "lab"."promotion" p, unnest(
    CASE p.state WHEN 'requested' THEN '{requested}' WHEN 'void' THEN '{requested,voided}'
        WHEN 'rolled_back' THEN '{requested,approved,rolled_back}'
        ELSE ARRAY['requested', p.state] END::text[]
) AS step
WHERE p.created_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = p.id::text AND a.name = 'promotion.' || step)
"""


def register() -> None:
    """Register audited transitions, places and the gauge of active experiments."""
    places.register_places()
    audit.register_transitions("laboratory", TRANSITIONS)
    audit.register_reconciliation("promotion", _UNRECORDED_PROMOTIONS)
    register_gauge(
        "laboratory_experiments_active",
        "Experiments with a run that is queued or running.",
        selectors.count_active_experiments,
    )
