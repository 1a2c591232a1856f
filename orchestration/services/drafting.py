"""Draft, verify, repair once, fall back to templates, or abstain with a reason. Touches no database."""

from collections.abc import Sequence

from contexts.contracts import ContextPack
from orchestration.agents.protocol import (
    AgentFailed,
    AgentReply,
    DraftConfig,
    DraftOutcome,
    DraftProvider,
    RunRecord,
)
from orchestration.agents.schema import DraftV1
from orchestration.agents.template_agent import TemplateAgent
from orchestration.agents.verifier import verify
from orchestration.contracts import Check


def draft_with(config: DraftConfig, pack: ContextPack, provider: DraftProvider) -> DraftOutcome:
    """Return a verified draft or a reason to abstain, with the record of every call made.

    One repair where that may help, then the Template agent, then abstention.
    """
    runs: list[RunRecord] = []
    outcome = _try_provider(config, pack, provider, runs)
    if outcome.draft is None and outcome.reason != "abstained" and provider.name != TemplateAgent.name:
        fallback = _try_provider(config, pack, TemplateAgent(), runs)
        reason = outcome.reason if fallback.draft else f"{outcome.reason}, then {fallback.reason}"
        return _outcome(fallback.provider, runs, fallback.draft, reason, fallback.checks, fell_back=True)
    return outcome


def _try_provider(
    config: DraftConfig, pack: ContextPack, provider: DraftProvider, runs: list[RunRecord]
) -> DraftOutcome:
    findings: list[str] = []
    reason = ""
    checks: Sequence[Check] = ()
    for repaired in (False, True):
        try:
            reply = _ask(config, pack, provider, findings, runs)
        except AgentFailed as error:
            reason = error.reason
            if not error.repairable:
                break
            findings = [error.finding]
            continue
        if reply.draft.abstain.flag:
            return _outcome(provider.name, runs, None, "abstained", ())
        checks = verify(reply.draft, pack, config)
        findings = [check.text for check in checks if not check.ok]
        if not findings:
            return _outcome(provider.name, runs, reply.draft, "", checks, repaired=repaired)
        reason = "unverified"
    return _outcome(provider.name, runs, None, reason, checks)


def _ask(
    config: DraftConfig,
    pack: ContextPack,
    provider: DraftProvider,
    findings: Sequence[str],
    runs: list[RunRecord],
) -> AgentReply:
    try:
        reply = provider.draft(config=config, pack=pack, findings=findings)
    except AgentFailed as error:
        runs.append(error.run)
        raise
    runs.append(reply.run)
    return reply


def _outcome(
    provider: str,
    runs: list[RunRecord],
    draft: DraftV1 | None,
    reason: str,
    checks: Sequence[Check],
    *,
    repaired: bool = False,
    fell_back: bool = False,
) -> DraftOutcome:
    return DraftOutcome(
        draft=draft,
        reason=reason,
        provider=provider,
        checks=tuple(checks),
        runs=tuple(runs),
        repaired=repaired,
        fell_back=fell_back,
    )
