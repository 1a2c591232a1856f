"""Start-up of orchestration: what the layers below need to know of it."""

from django.apps import AppConfig

from compliance import audit, erasure
from orchestration import policy


class OrchestrationConfig(AppConfig):
    """Actions, agents, approvals, execution."""

    name = "orchestration"
    verbose_name = "Orchestration"

    def ready(self) -> None:
        """Register audit names and the eraser of drafts."""
        from orchestration.services import erasers  # models are loaded only now

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
        erasure.register_eraser("orchestration.actions", erasers.erase_drafts)
