"""The Template agent: slots filled from typed facts. Needs no key, costs nothing, same schema."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contexts.contracts import ContextPack
from orchestration.agents.evidence import Evidence, list_evidence
from orchestration.agents.prompting import find_prompt, parse_lines
from orchestration.agents.protocol import AgentFailed, AgentReply, DraftConfig, RunRecord
from orchestration.agents.schema import Abstention, DraftV1, Reason, Sentence
from orchestration.policy import Kind

MAX_FACTS = 3


@dataclass(frozen=True)
class _Told:
    """The facts of one type, the strongest first, with the lines that the type's text makes of them."""

    facts: list[Evidence]
    lines: dict[str, str]

    @property
    def refs(self) -> list[str]:
        return [fact.ref for fact in self.facts]

    @property
    def points(self) -> float:
        return sum(fact.points for fact in self.facts)


class TemplateAgent:
    """Writes from the texts in `prompts/template/`, one a signal type."""

    name = "template"
    model = ""

    def draft(self, *, config: DraftConfig, pack: ContextPack, findings: Sequence[str]) -> AgentReply:
        """Write a draft about the strongest facts; with findings, about the strongest one alone.

        Raises:
            AgentFailed: no fact of the pack has a text.
        """
        started = time.monotonic()
        told = _tell(pack, config.template_version)[: 1 if findings else MAX_FACTS]
        if not told:
            raise AgentFailed("no_evidence", run=_run(config, pack, "no_evidence", started))
        write = _write_email if config.kind is Kind.EMAIL else _write_task
        return AgentReply(draft=write(told, config), run=_run(config, pack, "ok", started))


def _tell(pack: ContextPack, version: str) -> list[_Told]:
    by_type: dict[str, list[Evidence]] = {}
    for fact in list_evidence(pack):
        by_type.setdefault(fact.type, []).append(fact)
    told = []
    for signal_type, facts in by_type.items():
        text = find_prompt(f"{version}/{signal_type}.txt", **_slots(facts))
        if text is not None:
            told.append(_Told(facts, parse_lines(text)))
    return sorted(told, key=lambda one: (-one.points, one.refs))


def _slots(facts: list[Evidence]) -> dict[str, Any]:
    newest = max(facts, key=lambda fact: (fact.occurred_at, fact.ref))
    values = {name: value for name, value in newest.attributes.items() if name.isidentifier()}
    people = len({fact.person for fact in facts if fact.person})
    count = sum(fact.count for fact in facts)
    return values | {"count": count, "people": people, "day": newest.day}


def _say(text: str, *told: _Told, paragraph: int, kind: str) -> Sentence:
    refs = [ref for one in told for ref in one.refs]
    return Sentence.model_validate({"paragraph": paragraph, "kind": kind, "text": text, "signal_ids": refs})


def _write_email(told: list[_Told], config: DraftConfig) -> DraftV1:
    lead, rest = told[0], told[1:]
    closing = parse_lines(find_prompt(f"{config.template_version}/common.txt") or "")
    sentences = [_say(lead.lines["claim"], lead, paragraph=1, kind="claim")]
    sentences += [_say(other.lines["also"], other, paragraph=1, kind="claim") for other in rest]
    sentences += [
        _say(lead.lines["value"], lead, paragraph=2, kind="value"),
        _say(lead.lines["question"], paragraph=3, kind="question"),
        _say(closing["cta"], paragraph=3, kind="cta"),
    ]
    return _draft(lead.lines["subject"], sentences, told)


def _write_task(told: list[_Told], config: DraftConfig) -> DraftV1:
    lead = told[0]
    task = parse_lines(
        find_prompt(f"{config.template_version}/task.txt", lead=lead.lines["reason"].rstrip(".")) or ""
    )
    sentences = [_say(one.lines["reason"], one, paragraph=1, kind="claim") for one in told]
    sentences.append(_say(task["request"], paragraph=2, kind="cta"))
    return _draft(task["subject"], sentences, told)


def _draft(subject: str, sentences: list[Sentence], told: list[_Told]) -> DraftV1:
    reasons = [
        Reason(
            point=f"{one.lines['reason'].rstrip('.')}, {one.points:.1f} points.",
            signal_ids=one.refs,
        )
        for one in told
    ]
    return DraftV1(
        angle=told[0].facts[0].type.replace("_", " "),
        subject=subject,
        sentences=sentences,
        rationale=reasons,
        risk_flags=[],
        self_confidence=0.5,
        abstain=Abstention(flag=False, reason=""),
    )


def _run(config: DraftConfig, pack: ContextPack, outcome: str, started: float) -> RunRecord:
    digest = hashlib.sha256(f"{config!r}|{pack.content_hash}".encode()).hexdigest()
    return RunRecord(
        provider=TemplateAgent.name,
        model="",
        prompt_version=config.template_version,
        outcome=outcome,
        price_version="free",
        latency_ms=round((time.monotonic() - started) * 1000),
        request_hash=digest,
    )
