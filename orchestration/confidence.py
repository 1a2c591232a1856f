"""Turns a pack and a draft into the features that `policy` weighs."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from contexts.contracts import ContextPack, PackContact, Quality, ScoreExplanation
from contexts.selectors import get_hot_threshold
from orchestration.agents.evidence import list_evidence
from orchestration.agents.protocol import DraftConfig, DraftOutcome
from orchestration.agents.schema import DraftV1
from orchestration.policy import ActionFeatures, DraftFeatures, estimate_action, estimate_draft

# How far a role can say yes, 0–1; a person whose role we don't know counts below a manager.
ROLE_WEIGHT = {"c_level": 1.0, "vp": 0.95, "director": 0.85, "manager": 0.7, "other": 0.5}
UNKNOWN_ROLE = 0.4


def judge_action(
    pack: ContextPack,
    contact: PackContact | None,
    score: ScoreExplanation,
    quality: Quality,
    *,
    now: datetime,
) -> tuple[float, dict[str, Any]]:
    """Return the probability that contacting now is right, and the features behind it."""
    evidence = list_evidence(pack)
    newest = max((fact.occurred_at for fact in evidence), default=now)
    features = ActionFeatures(
        intent=score.intent,
        threshold=get_hot_threshold(),
        fit=score.fit,
        quality=quality.score,
        newest_age_hours=_hours(now, newest),
        signal_types=len({fact.type for fact in evidence}),
        people=len({fact.person for fact in evidence if fact.person}),
        role=ROLE_WEIGHT.get(contact.title_class, UNKNOWN_ROLE) if contact else 0.0,
        last_touch_days=_last_touch_days(pack, now),
    )
    return estimate_action(features), asdict(features)


def judge_draft(
    pack: ContextPack, draft: DraftV1, config: DraftConfig, outcome: DraftOutcome, *, now: datetime
) -> float:
    """Return the probability that an agent's text can go as it is."""
    wanting = [item for item in draft.sentences if item.kind in {"claim", "value"}]
    cited = {ref for item in draft.sentences for ref in item.signal_ids}
    return judge_text(
        pack,
        cited=cited,
        citation_recall=sum(bool(item.signal_ids) for item in wanting) / max(len(wanting), 1),
        words=draft.words(),
        config=config,
        warnings=len(draft.risk_flags) + sum(not check.ok for check in outcome.checks),
        repaired=outcome.repaired,
        fell_back=outcome.fell_back,
        stated=draft.self_confidence if outcome.provider != "template" else None,
        now=now,
    )


def judge_text(
    pack: ContextPack,
    *,
    cited: set[str],
    citation_recall: float,
    words: int,
    config: DraftConfig,
    warnings: int,
    now: datetime,
    repaired: bool = False,
    fell_back: bool = False,
    stated: float | None = None,
) -> float:
    """Return the probability that a text can go as it is, whoever wrote it."""
    evidence = list_evidence(pack)
    used = [fact for fact in evidence if fact.ref in cited]
    total = sum(fact.points for fact in evidence)
    newest = max((fact.occurred_at for fact in used), default=None)
    return estimate_draft(
        DraftFeatures(
            citation_recall=citation_recall,
            points_cited_share=sum(fact.points for fact in used) / total if total > 0 else 0.0,
            facts_cited=len(used),
            newest_cited_age_hours=_hours(now, newest) if newest else 24.0 * 365,
            warnings=warnings,
            words=words,
            words_wanted=config.words,
            repaired=repaired,
            fell_back=fell_back,
            stated_confidence=stated,
        )
    )


def _hours(now: datetime, then: datetime) -> float:
    return max((now - then).total_seconds() / 3600, 0.0)


def _last_touch_days(pack: ContextPack, now: datetime) -> float | None:
    touch = pack.last_touch or {}
    at = touch.get("at")
    if at is None:
        return None
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return _hours(now, moment) / 24
