"""Carry out what was approved: claim and commit first, call outside any transaction, then record."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from compliance import consent, subjects
from contexts.selectors import get_account
from integrations.calling import CallRefused, CallUncertain
from integrations.outreach.client import PROVIDER, OutgoingLetter, OutreachClient, Recipient
from integrations.salesforce import crm_tasks as salesforce
from orchestration.limits import count_sent_today, lock_daily_limit
from orchestration.models import Action, Approval, Execution
from orchestration.policy import Kind, Move, State
from orchestration.rendering import Letter
from orchestration.services.content import get_current_revision, open_letters
from orchestration.services.moves import apply_move

ACTOR = "system:executor"
# A call may take 30 s with its retries; only after that can "executing" mean that a process died.
ABANDONED_AFTER = timedelta(seconds=60)
# The provider may still be working on a call whose answer we lost.
SETTLING = timedelta(seconds=60)
MAX_BACKOFF = timedelta(hours=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """Everything that a connector needs; exists only between two transactions."""

    execution_id: UUID
    action_id: UUID
    account_id: UUID
    request_id: str
    kind: Kind
    provider: str
    letter: Letter
    address: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a call came to."""

    move: Move
    external_id: str = ""
    error_code: str = ""


def list_due(*, now: datetime, limit: int = 50) -> list[UUID]:
    """Return approved actions whose hold is over, the longest waiting first."""
    due = Action.objects.filter(state=State.APPROVED.value, execute_after__lte=now)
    return list(due.order_by("execute_after", "id").values_list("id", flat=True)[:limit])


@transaction.atomic
def start(*, action_id: UUID, now: datetime) -> Dispatch | None:
    """Check everything once more and commit `executing`; None when somebody else has it or it may not go."""
    subject_id = Action.objects.filter(pk=action_id).values_list("subject_id", flat=True).first()
    if subject_id is not None and not subjects.lock_subject(subject_id):
        return None
    due = Action.objects.filter(pk=action_id, state=State.APPROVED.value, execute_after__lte=now)
    action = due.select_for_update(skip_locked=True).first()
    if action is None:
        return None
    approval = Approval.objects.filter(action=action).order_by("-id").first()
    letter, address, reason = _prepare(action, approval, now=now)
    if letter is None or approval is None:
        apply_move(action, Move.BLOCK, actor=ACTOR, now=now, reason_code=reason)
        return None
    try:
        execution = _begin(action, approval, now=now)
    except IntegrityError:
        # The database saw what the checks above did not; it has the last word, and nothing was called.
        log.exception("action.guarded", action_id=str(action.id))
        apply_move(action, Move.BLOCK, actor=ACTOR, now=now, reason_code="guard_refused")
        return None
    return Dispatch(
        execution_id=execution.id,
        action_id=action.id,
        account_id=action.account_id,
        request_id=action.request_id,
        kind=Kind(action.kind),
        provider=execution.provider,
        letter=letter,
        address=address,
    )


@transaction.atomic
def _begin(action: Action, approval: Approval, *, now: datetime) -> Execution:
    execution = Execution.objects.create(
        id=uuid4(),
        action=action,
        revision=action.revision,
        approval=approval,
        account_id=action.account_id,
        kind=action.kind,
        provider=_choose_provider(Kind(action.kind)),
        next_check_at=now + ABANDONED_AFTER,
        started_at=now,
    )
    apply_move(action, Move.START, actor=ACTOR, now=now, payload={"execution_id": str(execution.id)})
    return execution


def _prepare(action: Action, approval: Approval | None, *, now: datetime) -> tuple[Letter | None, str, str]:
    """Return the text and address, or None and the reason why it may not go."""
    if approval is None or approval.decision != "approved" or approval.content_hash != action.content_hash:
        return None, "", "not_approved"
    [letter] = open_letters(revisions=[get_current_revision(action)], actor=ACTOR, purpose="execute", now=now)
    if letter is None or letter.content_hash() != approval.content_hash:
        return None, "", "content_changed"
    if action.kind == Kind.REVIEW_TASK.value or action.subject_id is None:
        return letter, "", ""
    decision = consent.record_decision(subject_id=action.subject_id, actor=ACTOR, now=now)
    if not decision.allowed:
        return None, "", f"consent_{decision.reason}"
    lock_daily_limit(action.account_id)
    if count_sent_today(action.account_id, now=now) >= settings.EMAIL_DAILY_LIMIT_PER_ACCOUNT:
        return None, "", "daily_limit"
    addresses = subjects.get_address(subject_ids=[action.subject_id], actor=ACTOR, purpose="execute", now=now)
    address = addresses.get(action.subject_id, "")
    return (letter, address, "") if address else (None, "", "no_address")


def call_provider(dispatch: Dispatch) -> Outcome:
    """Call the connector with the execution's id as idempotency key; never inside a transaction."""
    key = str(dispatch.execution_id)
    try:
        external_id = _file_task(key, dispatch) if dispatch.kind is Kind.REVIEW_TASK else _send(key, dispatch)
    except CallRefused as error:
        return Outcome(move=Move.FAIL, error_code=error.code[:48])
    except CallUncertain as error:
        return Outcome(move=Move.DOUBT, error_code=error.code[:48])
    return Outcome(move=Move.SUCCEED, external_id=external_id[:128])


def _choose_provider(kind: Kind) -> str:
    """Return where an action goes: tasks to Salesforce where it is set up, all else to Outreach."""
    return salesforce.PROVIDER if kind is Kind.REVIEW_TASK and salesforce.is_configured() else PROVIDER


def _file_task(key: str, dispatch: Dispatch) -> str:
    subject, note = dispatch.letter.subject, dispatch.letter.body()
    if dispatch.provider == salesforce.PROVIDER:
        names = [value for _, value in get_account(str(dispatch.account_id)).aliases]
        with salesforce.SalesforceTasks() as tasks:
            account_id = salesforce.find_account_id(names)
            return tasks.create_task(key=key, subject=subject, note=note, account_id=account_id)
    with OutreachClient() as client:
        reference = str(dispatch.account_id)
        return client.create_task(key=key, subject=subject, note=note, account_reference=reference)


def _send(key: str, dispatch: Dispatch) -> str:
    letter = dispatch.letter
    recipient = Recipient(reference=letter.recipient, address=dispatch.address, name=letter.recipient_name)
    text = OutgoingLetter(subject=letter.subject, body=letter.body(), headers=letter.headers)
    with OutreachClient() as client:
        return client.send_letter(key=key, recipient=recipient, letter=text)


@transaction.atomic
def finish(*, execution_id: UUID, outcome: Outcome, now: datetime) -> None:
    """Record what a call came to; what was recorded already stays."""
    execution = Execution.objects.select_for_update().get(pk=execution_id)
    action = Action.objects.select_for_update().get(pk=execution.action_id)
    if execution.state not in {State.EXECUTING.value, State.UNKNOWN.value}:
        return
    if outcome.move is Move.DOUBT:
        execution.checks += 1
        execution.next_check_at = now + min(SETTLING * 2 ** min(execution.checks - 1, 10), MAX_BACKOFF)
    else:
        execution.finished_at = now
    execution.external_id, execution.error_code = outcome.external_id, outcome.error_code
    if outcome.move is not Move.DOUBT or action.state == State.EXECUTING.value:
        apply_move(
            action,
            outcome.move,
            actor=ACTOR,
            now=now,
            reason_code=outcome.error_code,
            payload={"execution_id": str(execution.id), "external_id": outcome.external_id},
        )
    execution.state = action.state
    execution.save()
    log.info("action.finished", action_id=str(action.id), state=action.state, code=outcome.error_code)


@transaction.atomic
def lease_unsettled(*, now: datetime) -> Execution | None:
    """Take one execution whose outcome is open and due to be asked about."""
    unsettled = Execution.objects.filter(
        state__in=[State.EXECUTING.value, State.UNKNOWN.value], next_check_at__lte=now
    )
    execution = unsettled.order_by("next_check_at").select_for_update(skip_locked=True).first()
    if execution is not None:
        execution.next_check_at = now + ABANDONED_AFTER
        execution.save(update_fields=["next_check_at"])
    return execution


def reconcile(*, execution: Execution, now: datetime) -> None:
    """Ask the provider what became of an execution. It is never called a second time for it."""
    try:
        found = _find(execution)
    except CallUncertain as error:
        outcome = Outcome(move=Move.DOUBT, error_code=error.code[:48])
    else:
        outcome = _settle(execution, found, now=now)
    finish(execution_id=execution.id, outcome=outcome, now=now)


def _find(execution: Execution) -> str | None:
    key = str(execution.id)
    if execution.provider == salesforce.PROVIDER:
        with salesforce.SalesforceTasks() as tasks:
            return tasks.find_task(key=key)
    with OutreachClient() as client:
        is_task = execution.kind == Kind.REVIEW_TASK.value
        return client.find_task(key=key) if is_task else client.find_mailing(key=key)


def _settle(execution: Execution, found: str | None, *, now: datetime) -> Outcome:
    if found is not None:
        return Outcome(move=Move.SUCCEED, external_id=found[:128])
    if now - execution.started_at < ABANDONED_AFTER:
        return Outcome(move=Move.DOUBT, error_code="not_found_yet")
    return Outcome(move=Move.FAIL, error_code="never_arrived")
