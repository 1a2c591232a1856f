"""Start-up of orchestration: what the layers below need to know of it."""

from django.apps import AppConfig
from django.utils import timezone

from compliance import audit, erasure, retention
from orchestration import policy
from revctx.observability import registry


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
        from orchestration import budgets  # models are loaded only now

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
        _register_persons()
