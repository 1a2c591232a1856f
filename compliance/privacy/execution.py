"""Carry out approved requests: each step acknowledged or repeated, complete when all have answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q

from compliance import audit, keys, subject_links, suppressions
from compliance.privacy import certificates, journal, registry, vault
from compliance.privacy.effects import Step, list_steps
from compliance.privacy.models import RUNNABLE, PrivacyRequest, PrivacyTarget
from compliance.privacy.moves import ACTOR, apply_move, lock_request
from compliance.privacy.states import Move, RequestType, State

LASTING = frozenset(
    {RequestType.ERASURE, RequestType.RESTRICTION, RequestType.OBJECTION, RequestType.OPT_OUT}
)
PATIENCE = 5  # attempts after which a request is shown as an error; it is tried on
LONGEST_WAIT = timedelta(hours=1)

log = structlog.get_logger(__name__)


def list_due(*, now: datetime) -> list[UUID]:
    """Return the requests that there is something to do for, the earliest first."""
    runnable = Q(state__in=[state.value for state in RUNNABLE], next_attempt_at__lte=now)
    noticed = now - vault.NOTICE_AHEAD
    ripe = Q(state=State.ON_HOLD.value, shred_at__lte=now, pre_erasure_notice_at__lte=noticed)
    due = PrivacyRequest.objects.filter(runnable | ripe).order_by("next_attempt_at", "id")
    return list(due.values_list("id", flat=True))


def run_request(*, request_id: UUID, now: datetime) -> None:
    """Do what can be done for one request now; what fails is noted and tried again later."""
    try:
        with transaction.atomic():
            _advance(request_id, now=now)
    except Exception as error:
        # Whatever went wrong was rolled back; the request shows it, and a later attempt repeats it.
        log.error("privacy_request.failed", request=str(request_id), error=type(error).__name__)
        with transaction.atomic():
            _note_failure(request_id, error, now=now)
        return
    _ask_connectors(request_id, now=now)


def _advance(request_id: UUID, *, now: datetime) -> None:
    request = lock_request(request_id)
    state = State(request.state)
    if state is State.ON_HOLD:
        _open_vault(request, now=now)
    elif state in (State.APPROVED, State.ERROR):
        _start(request, now=now)
    elif state in (State.EXECUTING, State.AWAITING_CONNECTOR):
        _continue(request, now=now)


def _start(request: PrivacyRequest, *, now: datetime) -> None:
    apply_move(request, Move.START, actor=ACTOR, now=now)
    _prepare(request, now=now)
    _continue(request, now=now)


def _prepare(request: PrivacyRequest, *, now: datetime) -> None:
    """Write down every target and, where the effect must outlive a restored backup, the journal."""
    if request.subject_id is None or request.targets.exists():
        return
    kind = RequestType(request.type)
    internal, connector = PrivacyTarget.Kind.INTERNAL, PrivacyTarget.Kind.CONNECTOR
    rows = [PrivacyTarget(request=request, name=step.name, kind=internal) for step in list_steps(request)]
    if kind is RequestType.ERASURE:
        group = subject_links.list_group(request.subject_id)
        concerned = [n for n, c in sorted(registry.connectors.items()) if any(map(c.is_concerned, group))]
        rows += [PrivacyTarget(request=request, name=name, kind=connector) for name in concerned]
        _put_into_vault(request, now=now)
    PrivacyTarget.objects.bulk_create(rows)
    if kind in LASTING:
        journal.write(_make_entry(request, request.subject_id, now=now))


def _make_entry(request: PrivacyRequest, subject_id: UUID, *, now: datetime) -> journal.JournalEntry:
    digest = suppressions.find_hash(subject_id=subject_id)
    suppresses = digest is not None and request.type != RequestType.RESTRICTION.value
    return journal.JournalEntry(
        request_id=request.id,
        type=request.type,
        subject_id=subject_id,
        at=now,
        shred_at=request.shred_at,
        suppression=digest.hex() if digest is not None and suppresses else "",
        linked=_list_linked(subject_id, suppresses=suppresses),
        suppression_key_id=keys.get_suppression_key_id() if suppresses else "",
    )


def _list_linked(subject_id: UUID, *, suppresses: bool) -> tuple[tuple[UUID, str], ...]:
    """Return who else is this person, with what keeps them out; a restored backup may not know the link."""
    others = [member for member in subject_links.list_group(subject_id) if member != subject_id]
    hashes = {pk: suppressions.find_hash(subject_id=pk) if suppresses else None for pk in others}
    return tuple((pk, digest.hex() if digest is not None else "") for pk, digest in hashes.items())


def _put_into_vault(request: PrivacyRequest, *, now: datetime) -> None:
    if request.regime not in vault.REGIMES or request.subject_id is None:
        return
    shred_at = vault.shred_date(now=now, jurisdiction=request.jurisdiction)
    group = subject_links.list_group(request.subject_id)
    put_away = [vault.escrow(subject_id=member, shred_at=shred_at) for member in group]
    if any(put_away):
        request.shred_at = shred_at
        request.save(update_fields=["shred_at"])


def _continue(request: PrivacyRequest, *, now: datetime) -> None:
    """Try every step that has not been acknowledged, then see where that leaves the request."""
    request.attempts += 1
    request.next_attempt_at = now + min(timedelta(seconds=5 * 2 ** min(request.attempts, 12)), LONGEST_WAIT)
    request.updated_at = now
    request.save(update_fields=["attempts", "next_attempt_at", "updated_at"])
    open_targets = request.targets.exclude(state=PrivacyTarget.State.ACKNOWLEDGED)
    targets = {target.name: target for target in open_targets.select_for_update()}
    for step in list_steps(request):
        if (target := targets.get(step.name)) is not None:
            done = _try(step, target, now=now)
            if step.essential and not done:
                break
    _settle(request, now=now)


def _try(step: Step, target: PrivacyTarget, *, now: datetime) -> bool:
    """Run a step in a savepoint of its own, so that one that fails undoes no other."""
    try:
        with transaction.atomic():
            step.run(now)
    except Exception as error:
        _fail(target, type(error).__name__, now=now)
        return False
    _acknowledge(target, now=now)
    return True


def _settle(request: PrivacyRequest, *, now: datetime) -> None:
    open_targets = request.targets.exclude(state=PrivacyTarget.State.ACKNOWLEDGED)
    if open_targets.filter(kind=PrivacyTarget.Kind.INTERNAL).exists():
        if request.attempts >= PATIENCE:
            _give_notice_of_failure(request, "targets", now=now)
    elif open_targets.exists():
        if request.state == State.EXECUTING.value:
            apply_move(request, Move.AWAIT, actor=ACTOR, now=now)
    elif request.shred_at is not None:
        apply_move(request, Move.HOLD, actor=ACTOR, now=now, reason_code="retention_duty")
    else:
        _complete(request, now=now)


def _complete(request: PrivacyRequest, *, now: datetime) -> None:
    apply_move(request, Move.COMPLETE, actor=ACTOR, now=now)
    certificates.issue(request, now=now)


def _open_vault(request: PrivacyRequest, *, now: datetime) -> None:
    """Delete the key that a law had us keep; the person was told at least 48 hours before."""
    noticed = request.pre_erasure_notice_at
    if request.shred_at is None or request.subject_id is None or request.shred_at > now:
        return
    if noticed is None or noticed > now - vault.NOTICE_AHEAD:
        return
    for member in subject_links.list_group(request.subject_id):
        vault.destroy(subject_id=member)
    target = PrivacyTarget(request=request, name="compliance.vault", kind=PrivacyTarget.Kind.INTERNAL)
    target.save()
    _acknowledge(target, now=now)
    request.shred_at = None
    apply_move(request, Move.RESUME, actor=ACTOR, now=now)
    _settle(request, now=now)


def _ask_connectors(request_id: UUID, *, now: datetime) -> None:
    """Ask other people's systems, outside of any transaction, and note each answer as it comes."""
    waiting = PrivacyTarget.objects.filter(
        request_id=request_id,
        request__state=State.AWAITING_CONNECTOR.value,
        kind=PrivacyTarget.Kind.CONNECTOR,
    ).exclude(state=PrivacyTarget.State.ACKNOWLEDGED)
    for target in list(waiting.select_related("request")):
        subject_id = target.request.subject_id
        connector = registry.connectors.get(target.name)
        try:
            done = connector is not None and subject_id is not None and _erase_at(connector, subject_id)
            error_code = "" if done else "not_yet"
        except Exception as error:
            done, error_code = False, type(error).__name__
        with transaction.atomic():
            _note_answer(request_id, target.name, error_code=error_code, now=now)


def _erase_at(connector: registry.Connector, subject_id: UUID) -> bool:
    """Ask for all who are this person, each time all, whatever the first answer is."""
    answers = [connector.erase(member) for member in subject_links.list_group(subject_id)]
    return all(answers)


def _note_answer(request_id: UUID, name: str, *, error_code: str, now: datetime) -> None:
    request = lock_request(request_id)
    target = request.targets.select_for_update().get(name=name)
    if error_code:
        _fail(target, error_code, now=now)
        return
    _acknowledge(target, now=now)
    if request.state == State.AWAITING_CONNECTOR.value:
        _settle(request, now=now)


def _note_failure(request_id: UUID, error: Exception, *, now: datetime) -> None:
    request = lock_request(request_id)
    request.attempts += 1
    if State(request.state) in (State.APPROVED, State.EXECUTING, State.AWAITING_CONNECTOR):
        apply_move(request, Move.FAIL, actor=ACTOR, now=now, reason_code=type(error).__name__[:64])
    _wait(request, now=now)


def _give_notice_of_failure(request: PrivacyRequest, reason: str, *, now: datetime) -> None:
    apply_move(request, Move.FAIL, actor=ACTOR, now=now, reason_code=reason)
    _wait(request, now=now)


def _wait(request: PrivacyRequest, *, now: datetime) -> None:
    request.next_attempt_at = now + min(timedelta(seconds=5 * 2 ** min(request.attempts, 12)), LONGEST_WAIT)
    request.save(update_fields=["attempts", "next_attempt_at"])


def _acknowledge(target: PrivacyTarget, *, now: datetime) -> None:
    target.state, target.acknowledged_at = PrivacyTarget.State.ACKNOWLEDGED, now
    target.error_code = ""
    _save(target, "privacy_target.acknowledged", now=now)


def _fail(target: PrivacyTarget, error_code: str, *, now: datetime) -> None:
    target.state, target.error_code = PrivacyTarget.State.FAILED, error_code[:64]
    log.warning("privacy_target.failed", target=target.name, error=error_code)
    _save(target, "privacy_target.failed", now=now)


def _save(target: PrivacyTarget, name: str, *, now: datetime) -> None:
    target.attempts += 1
    target.save()
    entry = audit.AuditEntry(
        name=name,
        actor=ACTOR,
        target_type="privacy_request",
        target_id=str(target.request_id),
        at=now,
        payload={"target": target.name, "attempts": target.attempts, "error": target.error_code},
    )
    audit.record([entry])
