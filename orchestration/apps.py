"""Start-up of orchestration: what the layers below need to know of it."""

from django.apps import AppConfig
from django.utils import timezone

from compliance import audit, erasure, retention
from orchestration import policy
from revctx.observability import registry

_AUDIT_NAMES = frozenset(
    {
        "account_context.read",
        "action.claimed",
        "action.released",
        "draft.abstained",
        "draft.reopened",
        "draft.requested",
        "enrichment.called",
        "enrichment.refused",
        "evidence.read",
        "mcp_token.issued",
        "mcp_token.revoked",
        "queue.read",
        "score.read",
        "tool_call.refused",
    }
)
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
# A reservation is no transition; what the call cost is, also when its answer came after it was held for lost.
_UNRECORDED_SPEND = """
SELECT e.id::text FROM enrichment_spend e
WHERE e.settled_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = e.account_id::text AND a.name = 'enrichment.called'
    AND a.payload->>'reservation_id' = e.id::text AND left(a.payload->>'outcome', 32) = e.outcome
    AND (a.payload->>'micro_dollars')::bigint = e.micro_dollars)
"""
_UNRECORDED_TOKENS = """
SELECT t.id::text FROM api_apitoken t
WHERE t.label = 'assistant' AND t.created_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = t.user_id::text AND a.name = 'mcp_token.issued'
    AND a.occurred_at = t.created_at)
UNION
SELECT t.id::text FROM api_apitoken t
WHERE t.revoked_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_type = 'api_token' AND a.target_id = t.id::text
    AND a.name = 'api_token.revoked'
) AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = t.user_id::text AND a.name = 'mcp_token.revoked'
    AND t.id::text = ANY(string_to_array(a.payload->>'token_ids', ' ')))
"""


def _register_persons() -> None:
    """Register where persons occur, and how they are found, exported, erased and left alone."""
    from compliance.breaches import registry as breaches
    from compliance.privacy import registry as privacy
    from orchestration import places
    from orchestration.services import erasers, month_keys

    places.register_places()
    erasure.register_eraser("orchestration.actions", erasers.erase_drafts)
    retention.register_retention("drafts", erasers.remove_drafts)
    retention.register_month_holder("action_revisions", month_keys.is_needed_by_drafts)
    retention.register_month_holder("approvals", month_keys.is_needed_by_notes)
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
        from contexts import consequences, graph_sources
        from contexts.offers import register_offers
        from orchestration import budgets, offers  # models are loaded only now
        from orchestration.graph_source import list_seen
        from orchestration.selectors import count_pending_of

        registry.register_gauge(
            "enrichment_budget_spent_dollars",
            "Money spent on enrichment this month, US dollars.",
            lambda: budgets.spent_this_month_dollars(now=timezone.now()),
        )

        audit.register_transitions(
            "orchestration",
            {*policy.AUDIT_NAMES, *_AUDIT_NAMES},
        )
        audit.register_reconciliation("action", _UNRECORDED_ACTIONS)
        audit.register_reconciliation("enrichment spend", _UNRECORDED_SPEND)
        audit.register_reconciliation("token", _UNRECORDED_TOKENS)
        _register_persons()
        register_offers(offers.list_offers)
        consequences.register_pending("actions", count_pending_of)
        graph_sources.register_actions("actions", list_seen)
