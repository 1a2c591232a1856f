"""Which agent writes."""

from django.conf import settings

from integrations.llm import openai_client
from orchestration.agents.openai_agent import OpenAIAgent
from orchestration.agents.protocol import TASK_CONFIG, DraftConfig, DraftProvider
from orchestration.agents.template_agent import TemplateAgent
from orchestration.policy import Kind


def choose_provider(kind: Kind) -> DraftProvider:
    """Return the language model for e-mails where a key is set, otherwise the Template agent."""
    if kind is Kind.EMAIL and openai_client.is_configured():
        return OpenAIAgent(model=settings.OPENAI_MODEL)
    return TemplateAgent()


def choose_config(kind: Kind) -> DraftConfig:
    """Return how an action of this kind is drafted."""
    return DraftConfig() if kind is Kind.EMAIL else TASK_CONFIG
