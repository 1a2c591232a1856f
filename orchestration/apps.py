"""Start-up of orchestration: what the layers below need to know of it."""

from django.apps import AppConfig
from django.utils import timezone

from compliance import audit, erasure, retention
from orchestration import policy
from revctx.observability import registry

# Moves without their row, and actions in a state that no move led to.
_UNRECORDED_ACTIONS = """
SELECT m.action_id::text FROM action_moves m
WHERE m.at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = m.action_id::text AND a.name = m.name
    AND (a.payload->>'version')::int = m.version AND a.payload->>'state' = m.to_state)
UNION
SELECT n.id::text FROM actions n
WHERE n.updated_at >= %(since)s AND n.state IS DISTINCT FROM (
    SELECT m.to_state FROM action_moves m WHERE m.action_id = n.id ORDER BY m.version DESC LIMIT 1)
"""


def _register_persons() -> None:
    """Register where persons occur, and how they are found, exported, erased and left alone."""
    from compliance.breaches import registry as breaches
    from compliance.privacy import registry as privacy
    from orchestration import places
    from orchestration.services import erasers

    places.register_places()
    erasure.register_eraser("orchestration.actions", erasers.erase_drafts)
    retention.register_retention("drafts", erasers.remove_drafts)
    breaches.register_finder("actions", erasers.find_persons)
    breaches.register_finder("outreach", erasers.find_recipients)
    privacy.register_exporter("actions", erasers.export_actions)
    privacy.register_stopper("actions", erasers.stop_actions)
    privacy.register_connector(
        "connector.outreach",
        privacy.Connector(erasers.is_known_to_outreach, erasers.erase_at_outreach),
    )


class OrchestrationConfig(AppConfig):
    """Actions, agents, approvals, execution."""

    name = "orchestration"
    verbose_name = "Orchestration"

    def ready(self) -> None:
        """Register audit names and the eraser of drafts."""
        from contexts import consequences
        from orchestration import budgets  # models are loaded only now
        from orchestration.selectors import count_pending_of

        registry.register_gauge(
            "enrichment_budget_spent_dollars",
            "Money spent on enrichment this month, US dollars.",
            lambda: budgets.spent_this_month_dollars(now=timezone.now()),
        )

        audit.register_transitions(
            "orchestration",
            {
                *policy.AUDIT_NAMES,
                "action.claimed",
                "action.released",
                "draft.abstained",
                "draft.reopened",
                "enrichment.called",
                "enrichment.refused",
            },
        )
        audit.register_reconciliation("action", _UNRECORDED_ACTIONS)
        _register_persons()
        consequences.register_pending("actions", count_pending_of)
