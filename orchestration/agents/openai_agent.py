"""The agent behind an OpenAI-compatible server. It sees typed facts only and has no tools."""

import hashlib
import json
from collections.abc import Sequence

from contexts.contracts import ContextPack
from integrations.llm import openai_client
from orchestration.agents.evidence import clean_text, list_evidence
from orchestration.agents.prompting import render_prompt
from orchestration.agents.protocol import AgentFailed, AgentReply, DraftConfig, RunRecord
from orchestration.agents.schema import SCHEMA_VERSION, DraftV1

REPAIRABLE = {
    "truncated": "The answer was cut off: be shorter.",
    "malformed": "The answer was not valid JSON of the schema.",
}


class OpenAIAgent:
    """Asks a language model for a draft by the strict schema."""

    name = "openai"

    def __init__(self, *, model: str) -> None:
        """Keep the model's name for the ledger."""
        self.model = model

    def draft(self, *, config: DraftConfig, pack: ContextPack, findings: Sequence[str]) -> AgentReply:
        """Write a draft; findings of the verifier are shown to the model.

        Raises:
            AgentFailed: refused, truncated, malformed, timeout, unavailable or breaker_open.
        """
        messages = build_messages(config=config, pack=pack, findings=findings)
        digest = _hash(self.model, messages)
        try:
            draft, usage = openai_client.complete_structured(
                messages=messages,
                schema=DraftV1,
                max_output_tokens=config.max_output_tokens,
                deadline_seconds=config.deadline_seconds,
            )
        except openai_client.LlmFailed as error:
            run = _run(config, error.usage, error.reason, digest)
            finding = REPAIRABLE.get(error.reason, "")
            raise AgentFailed(error.reason, run=run, finding=finding, repairable=bool(finding)) from error
        return AgentReply(draft=draft, run=_run(config, usage, "ok", digest))


def build_messages(
    *, config: DraftConfig, pack: ContextPack, findings: Sequence[str]
) -> list[dict[str, str]]:
    """Return the messages: rules, typed facts, and what was wrong with the draft before."""
    version = config.prompt_version
    attributes = pack.account.get("attributes") or {}
    sector = clean_text(str(attributes.get("industry") or "")).replace("_", " ")
    employees = attributes.get("employees")
    system = render_prompt(f"{version}/system.txt", words=config.words, subject_length=config.subject_length)
    user = render_prompt(
        f"{version}/user.txt",
        account={"sector": sector, "employees": employees if isinstance(employees, int) else None},
        role=_role(pack),
        facts=list_evidence(pack),
    )
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    if findings:
        repair = render_prompt(f"{version}/repair.txt", findings=list(findings))
        messages.append({"role": "user", "content": repair})
    return messages


def _role(pack: ContextPack) -> str:
    return next((clean_text(contact.title_class) for contact in pack.contacts if contact.title_class), "")


def _hash(model: str, messages: list[dict[str, str]]) -> str:
    canonical = json.dumps([model, SCHEMA_VERSION, messages], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _run(config: DraftConfig, usage: openai_client.Usage, outcome: str, digest: str) -> RunRecord:
    return RunRecord(
        provider=OpenAIAgent.name,
        model=usage.model,
        prompt_version=config.prompt_version,
        outcome=outcome,
        finish_reason=usage.finish_reason[:32],
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        micro_dollars=usage.micro_dollars,
        price_version=usage.price_version,
        latency_ms=usage.latency_ms,
        request_hash=digest,
    )
