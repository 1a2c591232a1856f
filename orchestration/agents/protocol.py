"""The one protocol of drafting agents, and what a call of one leaves behind."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from contexts.contracts import ContextPack
from orchestration.agents.schema import DraftV1
from orchestration.contracts import Check
from orchestration.policy import Kind


@dataclass(frozen=True, kw_only=True)
class DraftConfig:
    """How to draft. Words count the body; lengths are characters.

    Args:
        prompt_version: folder below `agents/prompts/` of the model's prompt.
        template_version: folder of the Template agent's texts.
    """

    kind: Kind = Kind.EMAIL
    prompt_version: str = "outreach/1"
    template_version: str = "template/1"
    words: tuple[int, int] = (60, 130)
    subject_length: int = 60
    max_output_tokens: int = 1_200
    deadline_seconds: float = 20.0


TASK_CONFIG = DraftConfig(kind=Kind.REVIEW_TASK, words=(12, 200), subject_length=120)


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One call of one agent, as the cost ledger keeps it."""

    provider: str
    model: str
    prompt_version: str
    outcome: str
    finish_reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    micro_dollars: int = 0
    price_version: str = ""
    latency_ms: int = 0
    request_hash: str = ""


@dataclass(frozen=True, kw_only=True)
class AgentReply:
    """A draft and the record of the call that made it."""

    draft: DraftV1
    run: RunRecord


class AgentFailed(Exception):
    """The agent gave no draft.

    Args:
        reason: refused, truncated, malformed, timeout, unavailable, breaker_open, no_evidence.
        repairable: whether asking again with the finding may help.
    """

    def __init__(self, reason: str, *, run: RunRecord, finding: str = "", repairable: bool = False) -> None:
        """Keep the reason and the record of the call."""
        super().__init__(reason)
        self.reason, self.run, self.finding, self.repairable = reason, run, finding, repairable


class DraftProvider(Protocol):
    """Whoever turns a context pack into a draft."""

    name: str
    model: str

    def draft(self, *, config: DraftConfig, pack: ContextPack, findings: Sequence[str]) -> AgentReply:
        """Write a draft; `findings` say what was wrong with the one before.

        Raises:
            AgentFailed: with the reason.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class DraftOutcome:
    """What came of drafting: a verified draft, or a reason to abstain, and every call made."""

    draft: DraftV1 | None
    reason: str
    provider: str
    checks: tuple[Check, ...]
    runs: tuple[RunRecord, ...] = field(default=())
    repaired: bool = False
    fell_back: bool = False
