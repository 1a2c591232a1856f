"""From an upward crossing to a pending action: one request at a time, drafted outside any transaction."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import transaction

from compliance import audit, consent, subjects
from compliance.audit import AuditEntry
from compliance.contracts import ConsentDecision
from compliance.privacy.restrictions import list_restricted
from contexts import selectors as contexts_selectors
from contexts.contracts import ContextPack, PackContact
from contexts.services.contacts import open_contact
from contexts.services.packs import build_pack
from orchestration import rendering, unsubscribing
from orchestration.agents.choice import choose_config, choose_provider
from orchestration.agents.protocol import DraftConfig, DraftOutcome
from orchestration.agents.schema import DraftV1
from orchestration.confidence import judge_action, judge_draft
from orchestration.contracts import Span
from orchestration.models import Action, ActionRevision, AgentRun, DraftRequest
from orchestration.policy import PRIOR_BASIS, Kind, Move, State, decide_kind
from orchestration.rendering import SALT_BYTES, Letter
from orchestration.services.content import seal_letter
from orchestration.services.drafting import draft_with
from orchestration.services.moves import record_move
from orchestration.services.requests import ACTOR, supersede_pending

LEASE = timedelta(seconds=120)  # two calls of an agent and 16 of providers fit; a later one is stored once
MAX_ATTEMPTS = 5
ROLE_ORDER = ("c_level", "vp", "director", "manager", "other")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a request becomes before anything is stored."""

    pack: ContextPack
    kind: Kind
    contact: PackContact | None
    decision: ConsentDecision | None
    config: DraftConfig
    outcome: DraftOutcome


@transaction.atomic
def lease_request(*, now: datetime) -> DraftRequest | None:
    """Take the oldest due request for `LEASE`; a crash gives it back when the lease is over."""
    due = DraftRequest.objects.filter(state="open", due_at__lte=now).order_by("due_at", "id")
    request = due.select_for_update(skip_locked=True).first()
    if request is None:
        return None
    request.attempts += 1
    if request.attempts > MAX_ATTEMPTS:
        request.state, request.reason_code, request.finished_at = "dead", "attempts", now
        log.error("draft.dead", request=request.pk, crossing_id=str(request.crossing_id))
    request.due_at = now + LEASE
    request.save(update_fields=["attempts", "state", "reason_code", "finished_at", "due_at"])
    return request


def propose(*, request: DraftRequest, now: datetime) -> Action | None:
    """Draft for a leased request and store the action as pending; None when there is none to store."""
    if request.state != "open":
        return None
    return store(request=request, plan=make_plan(account_id=request.account_id, now=now), now=now)


@transaction.atomic
def store(*, request: DraftRequest, plan: Plan, now: datetime) -> Action | None:
    """Store what a plan came to, unless the request or the consent is gone meanwhile."""
    alive = plan.contact is None or subjects.lock_subject(plan.contact.subject_id)
    held = DraftRequest.objects.select_for_update().get(pk=request.pk)
    _store_runs(held, plan.outcome, now=now)  # what was called was paid for, whoever was quicker
    if held.state != "open":
        return None
    if plan.pack.account.get("band") != "hot":
        _close(held, "superseded", "lower_intent", now=now)
        return None
    if plan.outcome.draft is None:
        _abstain(held, plan.outcome.reason, now=now)
        return None
    if not alive or not _still_consented(plan, now=now):
        held.due_at = now  # drafted anew at once, for whoever may still be written to
        held.save(update_fields=["due_at"])
        return None
    return _store_action(held, plan, plan.outcome.draft, now=now)


def make_plan(*, account_id: UUID, now: datetime) -> Plan:
    """Build the pack, choose the contact, and draft; calls agents, so never inside a transaction."""
    pack = build_pack(account_id=account_id, now=now)
    contact, decision = _choose_contact(pack, now=now)
    kind = decide_kind(has_consented_contact=contact is not None)
    config = choose_config(kind)
    outcome = draft_with(config, pack, choose_provider(kind))
    return Plan(pack=pack, kind=kind, contact=contact, decision=decision, config=config, outcome=outcome)


def _choose_contact(pack: ContextPack, *, now: datetime) -> tuple[PackContact | None, ConsentDecision | None]:
    """Return the consented contact with the weightiest role, the earliest known on a tie."""
    ids = [contact.subject_id for contact in pack.contacts]
    decisions = consent.list_status(subject_ids=ids, now=now)
    allowed = [contact for contact in pack.contacts if decisions[contact.subject_id].allowed]
    if not allowed:
        return None, None
    best = min(allowed, key=lambda contact: (_role_rank(contact.title_class), str(contact.contact_id)))
    return best, decisions[best.subject_id]


def _role_rank(title_class: str) -> int:
    return ROLE_ORDER.index(title_class) if title_class in ROLE_ORDER else len(ROLE_ORDER)


def _still_consented(plan: Plan, *, now: datetime) -> bool:
    if plan.contact is None:
        return True
    subject_id = plan.contact.subject_id
    return not list_restricted([subject_id]) and consent.decide(subject_id=subject_id, now=now).allowed


def _store_runs(request: DraftRequest, outcome: DraftOutcome, *, now: datetime) -> None:
    AgentRun.objects.bulk_create(
        AgentRun(
            crossing_id=request.crossing_id,
            provider=run.provider,
            model=run.model[:64],
            prompt_version=run.prompt_version,
            outcome=run.outcome,
            finish_reason=run.finish_reason,
            input_tokens=run.input_tokens,
            output_tokens=run.output_tokens,
            micro_dollars=run.micro_dollars,
            price_version=run.price_version,
            latency_ms=run.latency_ms,
            request_hash=run.request_hash,
            at=now,
        )
        for run in outcome.runs
    )


def _abstain(request: DraftRequest, reason: str, *, now: datetime) -> None:
    _close(request, "abstained", reason[:48], now=now)
    audit.record(
        [
            AuditEntry(
                name="draft.abstained",
                actor=ACTOR,
                target_type="crossing",
                target_id=str(request.crossing_id),
                account_id=request.account_id,
                at=now,
                payload={"reason": request.reason_code},
                request_id=request.request_id,
            )
        ]
    )


def _store_action(request: DraftRequest, plan: Plan, draft: DraftV1, *, now: datetime) -> Action:
    action_id = uuid4()
    letter = _render(action_id, plan, draft, now=now)
    action = _make_action(action_id, request, plan, letter, draft, now=now)
    action.save(force_insert=True)
    store_revision(
        action=action,
        letter=letter,
        author_id=None,
        agent_line=_agent_line(plan),
        p_draft=action.p_draft,
        now=now,
    )
    record_move(action, Move.PROPOSE, before="", actor=ACTOR, now=now, payload=_consent_payload(plan))
    supersede_pending(
        account_id=action.account_id,
        before_version=action.context_version,
        reason_code="newer_crossing",
        now=now,
    )
    _close(request, "done", "", now=now)
    return action


def _close(request: DraftRequest, state: str, reason_code: str, *, now: datetime) -> None:
    request.state, request.reason_code, request.finished_at = state, reason_code, now
    request.save(update_fields=["state", "reason_code", "finished_at"])


def _make_action(
    action_id: UUID, request: DraftRequest, plan: Plan, letter: Letter, draft: DraftV1, *, now: datetime
) -> Action:
    score = contexts_selectors.get_score(account_id=request.account_id, as_of=now)
    quality = contexts_selectors.get_quality(account_id=request.account_id, now=now)
    p_action, features = judge_action(plan.pack, plan.contact, score, quality, now=now)
    p_draft = judge_draft(plan.pack, draft, plan.config, plan.outcome, now=now)
    return Action(
        id=action_id,
        kind=plan.kind.value,
        state=State.PENDING.value,
        account_id=request.account_id,
        contact_id=plan.contact.contact_id if plan.contact else None,
        subject_id=plan.contact.subject_id if plan.contact else None,
        crossing_id=request.crossing_id,
        context_version=request.context_version,
        content_hash=letter.content_hash(),
        pack=plan.pack.to_dict(),
        pack_hash=plan.pack.content_hash,
        intent=score.intent,
        p_action=p_action,
        p_draft=p_draft,
        basis=PRIOR_BASIS,
        features=features,
        expires_at=now + timedelta(hours=settings.APPROVAL_EXPIRY_HOURS),
        request_id=request.request_id,
        created_at=now,
        updated_at=now,
    )


def store_revision(
    *,
    action: Action,
    letter: Letter,
    author_id: int | None,
    agent_line: str,
    p_draft: float,
    now: datetime,
) -> ActionRevision:
    """Store the action's current text, sealed.

    Raises:
        subjects.SubjectErased: the reader was erased meanwhile.
    """
    revision = ActionRevision(
        id=uuid4(),
        action=action,
        number=action.revision,
        content_hash=letter.content_hash(),
        author_id=author_id,
        agent_line=agent_line,
        p_draft=p_draft,
        created_at=now,
    )
    revision.sealed = seal_letter(action=action, revision=revision, letter=letter, now=now)
    revision.save(force_insert=True)
    return revision


def _render(action_id: UUID, plan: Plan, draft: DraftV1, *, now: datetime) -> Letter:
    paragraphs = [
        [Span(text=item.text, refs=tuple(item.signal_ids), kind=item.kind) for item in paragraph]
        for paragraph in draft.paragraphs()
    ]
    salt = secrets.token_bytes(SALT_BYTES)
    reasoning = tuple(Span(text=item.point, refs=tuple(item.signal_ids)) for item in draft.rationale)
    if plan.contact is None or plan.decision is None:
        letter = rendering.render_task(subject=draft.subject, paragraphs=paragraphs, salt=salt)
    else:
        name, _ = open_contact(contact_id=plan.contact.contact_id, actor=ACTOR, now=now)
        letter = rendering.render_email(
            subject=draft.subject,
            paragraphs=paragraphs,
            recipient=str(plan.contact.subject_id),
            recipient_name=name,
            sender_name=settings.SENDER_NAME,
            consented_at=plan.decision.captured_at or now,
            unsubscribe_url=unsubscribing.make_url(action_id),
            salt=salt,
        )
    return rendering.annotate(letter, reasoning=reasoning, checks=plan.outcome.checks)


def _agent_line(plan: Plan) -> str:
    run = plan.outcome.runs[-1]
    cost = f"${sum(run.micro_dollars for run in plan.outcome.runs) / 1_000_000:.4f}"
    if any(run.price_version == "unpriced" for run in plan.outcome.runs):
        cost = "cost unknown"
    name = f"{run.provider} agent" + (f" {run.model}" if run.model else "")
    after = f", after {plan.outcome.reason}" if plan.outcome.fell_back else ""
    line = f"{name}{after} · prompt {run.prompt_version} · pack {plan.pack.content_hash[:8]} · {cost}"
    return line[:1].upper() + line[1:160]


def _consent_payload(plan: Plan) -> dict[str, audit.PayloadValue]:
    if plan.decision is None:
        return {"consent": "none"}
    return {"consent": plan.decision.reason, "consent_revision_id": str(plan.decision.revision_id)}
