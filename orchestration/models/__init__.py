"""Tables of orchestration."""

from orchestration.models.actions import Action, ActionMove, ActionRevision, Approval, Execution
from orchestration.models.agents import AgentRun, DraftRequest, EnrichmentSpend

__all__ = [
    "Action",
    "ActionMove",
    "ActionRevision",
    "AgentRun",
    "Approval",
    "DraftRequest",
    "EnrichmentSpend",
    "Execution",
]
