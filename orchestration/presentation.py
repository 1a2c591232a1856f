"""Puts an action, its text and its evidence into the frozen shapes that pages and the API print."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from compliance import consent
from contexts import selectors as contexts_selectors
from contexts.contracts import AccountNotFound, ContextPack, Contribution, PackFact, ScoreExplanation
from contexts.services.contacts import ContactNotFound, open_contact
from orchestration.contracts import (
    AccountPane,
    ActionDetail,
    ActionSummary,
    ConsentView,
    ContactPane,
    ContributionView,
    DealView,
    DraftView,
    EvidenceView,
    TimelineEntry,
)
from orchestration.limits import count_sent_today
from orchestration.models import Action, ActionRevision
from orchestration.policy import State
from orchestration.rendering import Letter
from orchestration.services.content import get_current_revision, open_letters
from signals import selectors as signals_selectors

HISTORY = timedelta(days=30)
HISTORY_POINTS = 60
# Intent may move this much from drafting before a reviewer is told that the text is of another day.
STALE_INTENT = 10.0


def summarise(
    action: Action, *, revision: ActionRevision, letter: Letter | None, pack: ContextPack
) -> ActionSummary:
    """Return one row of the queue, with the context as of drafting."""
    return ActionSummary(
        id=action.id,
        kind=action.kind,
        state=action.state,
        version=action.version,
        account_id=action.account_id,
        account_name=str(pack.account.get("name") or action.account_id),
        intent=action.intent,
        headline=letter.subject if letter else "",
        recipient_name=letter.recipient_name if letter else "",
        erased=letter is None,
        p_action=action.p_action,
        p_draft=action.p_draft,
        basis=action.basis,
        created_at=action.created_at,
        expires_at=action.expires_at,
        claimed_by=action.claimed_by,
        claim_expires_at=action.claim_expires_at,
        warnings=action.warnings,
        draft=view_draft(action, revision, letter),
        reasoning=letter.reasoning if letter else (),
        evidence=view_evidence(pack),
    )


def describe_action(action: Action, *, viewer: int, now: datetime) -> ActionDetail:
    """Return everything about one action, with account, consent and score as of `now`."""
    pack = contexts_selectors.open_pack(action.pack).pack
    revision = get_current_revision(action)
    [letter] = open_letters(revisions=[revision], actor=f"user:{viewer}", purpose="review", now=now)
    score = contexts_selectors.get_score(account_id=action.account_id, as_of=now)
    contact = view_contact(action, pack, actor=f"user:{viewer}", now=now)
    return ActionDetail(
        **_own_fields(action),
        account=view_account(action, score, now=now),
        contact=contact,
        deal=view_deal(pack),
        draft=view_draft(action, revision, letter),
        evidence=view_evidence(pack),
        reasoning=letter.reasoning if letter else (),
        checks=letter.checks if letter else (),
        agent_line=revision.agent_line,
        hold_seconds=settings.APPROVAL_HOLD_SECONDS,
        daily_sent=count_sent_today(action.account_id, now=now),
        daily_limit=settings.EMAIL_DAILY_LIMIT_PER_ACCOUNT,
        timeline=view_timeline(action),
        erased=letter is None,
        own_edit=revision.author_id == viewer,
        stale=list_stale(action, score, contact),
    )


_OWN_FIELDS = (
    "id", "kind", "state", "version", "reason_code", "p_action", "p_draft", "basis", "created_at",
    "expires_at", "execute_after", "claimed_by", "claim_expires_at",
)  # fmt: skip


def _own_fields(action: Action) -> dict[str, Any]:
    """Return what the row itself says under the names that the detail has for it."""
    return {name: getattr(action, name) for name in _OWN_FIELDS}


def view_draft(action: Action, revision: ActionRevision, letter: Letter | None) -> DraftView:
    """Return the text exactly as it will go out; empty once the person was erased."""
    return DraftView(
        subject=letter.subject if letter else "",
        greeting=letter.greeting if letter else "",
        paragraphs=letter.paragraphs if letter else (),
        signature=letter.signature if letter else "",
        footer=letter.footer if letter else "",
        words=letter.words() if letter else 0,
        revision=action.revision,
        content_hash=action.content_hash,
        recipient_name=letter.recipient_name if letter else "",
        edited_by=revision.author_id,
    )


def view_evidence(pack: ContextPack) -> tuple[EvidenceView, ...]:
    """Return the facts of a pack as numbered evidence, with the source of their newest signal."""
    newest = [fact.signal_ids[0] for fact in pack.facts if fact.signal_ids]
    known = signals_selectors.list_signal_facts(signal_ids=newest)
    sources = {signal_id: fact.source for signal_id, fact in known.items()}
    return tuple(_view_fact(fact, sources) for fact in pack.facts)


def _view_fact(fact: PackFact, sources: dict[UUID, str]) -> EvidenceView:
    return EvidenceView(
        ref=fact.ref,
        label=fact.label,
        source=sources.get(fact.signal_ids[0], "") if fact.signal_ids else "",
        when=fact.occurred_at,
        points=fact.points,
        signal_ids=fact.signal_ids,
    )


def view_account(action: Action, score: ScoreExplanation, *, now: datetime) -> AccountPane:
    """Return the account as of `now`, with its score over the last month."""
    try:
        account = contexts_selectors.get_account(str(action.account_id))
        name, domain, attributes = account.name, account.domain or "", account.attributes
    except AccountNotFound:
        name, domain, attributes = str(action.account_id), "", {}
    history = contexts_selectors.get_history(
        account_id=action.account_id, since=now - HISTORY, until=now, points=HISTORY_POINTS
    )
    before = contexts_selectors.get_score(account_id=action.account_id, as_of=now - timedelta(days=1))
    employees = attributes.get("employees")
    return AccountPane(
        account_id=action.account_id,
        name=name,
        domain=domain,
        sector=str(attributes.get("industry") or ""),
        employees=int(employees) if isinstance(employees, (int, float)) else None,
        fit=score.fit,
        intent=score.intent,
        band=score.band,
        threshold=contexts_selectors.get_hot_threshold(),
        hot_until=score.hot_until,
        delta_24h=score.intent - before.intent,
        history=tuple(history),
        contributions=view_contributions(score.contributions),
    )


def view_contributions(contributions: tuple[Contribution, ...]) -> tuple[ContributionView, ...]:
    """Return one bar a signal type, the strongest first; points still sum to the score."""
    labels = {item.name: item.label for item in signals_selectors.list_types()}
    by_type: dict[str, list[Contribution]] = {}
    for item in contributions:
        by_type.setdefault(item.type, []).append(item)
    points = {name: sum(item.points for item in items) for name, items in by_type.items()}
    largest = max(points.values(), default=0.0)
    return tuple(
        ContributionView(
            label=_bar_label(labels.get(name, name), by_type[name]),
            points=points[name],
            share=points[name] / largest if largest > 0 else 0.0,
            signal_ids=tuple(signal_id for item in by_type[name] for signal_id in item.signal_ids),
        )
        for name in sorted(points, key=lambda name: (-points[name], name))
    )


def _bar_label(label: str, items: list[Contribution]) -> str:
    people = len({item.subject_id for item in items if item.subject_id})
    count = sum(item.signal_count for item in items)
    if people > 1:
        return f"{label}, {people} people"
    return f"{label}, {count} times" if count > 1 else label


def view_contact(action: Action, pack: ContextPack, *, actor: str, now: datetime) -> ContactPane | None:
    """Return the person to be written to with the consent decision as of `now`; None for a task."""
    if action.contact_id is None or action.subject_id is None:
        return None
    decision = consent.decide(subject_id=action.subject_id, now=now)
    try:
        name, title = open_contact(contact_id=action.contact_id, actor=actor, now=now)
    except ContactNotFound:
        name, title = "", ""
    return ContactPane(
        contact_id=action.contact_id,
        name=name,
        title=title,
        consent=ConsentView(
            allowed=decision.allowed,
            reason=decision.reason,
            revision_id=decision.revision_id,
            jurisdiction=decision.jurisdiction,
            notice_version=decision.notice_version,
            captured_at=decision.captured_at,
        ),
        last_touch_at=_last_touch(pack),
    )


def _last_touch(pack: ContextPack) -> datetime | None:
    at = (pack.last_touch or {}).get("at")
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def view_deal(pack: ContextPack) -> DealView | None:
    """Return the newest open deal of the pack."""
    deals = sorted(pack.open_deals, key=lambda deal: deal.since)
    return DealView(stage=deals[-1].stage, changed_at=deals[-1].since) if deals else None


def view_timeline(action: Action) -> tuple[TimelineEntry, ...]:
    """Return every move of the action, the oldest first."""
    return tuple(
        TimelineEntry(
            state=move.to_state, name=move.name, at=move.at, actor=move.actor, reason_code=move.reason_code
        )
        for move in action.moves.order_by("version")
    )


def list_stale(action: Action, score: ScoreExplanation, contact: ContactPane | None) -> tuple[str, ...]:
    """Return what changed since drafting that a reviewer should know: consent, intent."""
    if action.state not in {State.PENDING.value, State.APPROVED.value}:
        return ()
    changes = []
    if contact is not None and not contact.consent.allowed:
        changes.append("consent")
    if abs(score.intent - action.intent) >= STALE_INTENT:
        changes.append("intent")
    return tuple(changes)
