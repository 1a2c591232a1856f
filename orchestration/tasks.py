"""Celery tasks of orchestration: hints that there is work; the work itself stands in the database."""

from functools import partial
from uuid import UUID

import structlog
from celery import shared_task
from django.utils import timezone

from integrations.outreach.client import is_available
from orchestration import budgets
from orchestration.models import DraftRequest
from orchestration.selectors import count_due_requests
from orchestration.services import enrichment, execution, expiry, proposal, requests
from revctx.eventbus import workitems
from revctx.observability.context import bind_request_id

CHUNK = 200

log = structlog.get_logger(__name__)


@shared_task(name="orchestration.tasks.process_work", ignore_result=True)
def process_work(count: int = 0) -> None:
    """Take in due events, then draft for every crossing that asks for it."""
    while True:
        now = timezone.now()
        handle = partial(requests.note_events, now=now)
        if workitems.process(group=requests.GROUP, handle=handle, limit=CHUNK, now=now) < CHUNK:
            break
    while draft_next():
        pass


def draft_next() -> bool:
    """Draft for one request; return whether there was one."""
    request = proposal.lease_request(now=timezone.now())
    if request is None:
        return False
    if request.state != "open":  # its attempts are used up, so nothing is bought for it either
        return True
    with bind_request_id(request.request_id):
        _enrich(request)
        try:
            proposal.propose(request=request, now=timezone.now())
        except Exception:  # tried again when its lease is over; meanwhile the others go on
            log.exception("draft.stuck", request=request.pk, crossing_id=str(request.crossing_id))
    return True


def _enrich(request: DraftRequest) -> None:
    """Buy what is missing; a draft from fewer facts is better than none, so no failure holds it up."""
    try:
        enrichment.enrich(account_id=request.account_id, crossing_id=request.crossing_id, clock=timezone.now)
    except Exception:
        log.exception("enrichment.stuck", request=request.pk, crossing_id=str(request.crossing_id))


@shared_task(name="orchestration.tasks.execute_due", ignore_result=True)
def execute_due() -> None:
    """Carry out what is due, ask about what is unsettled, and hint at drafts that were left behind.

    While the provider is known to be down nothing is begun: what is approved waits instead of failing.
    """
    for action_id in execution.list_due(now=timezone.now()) if is_available() else ():
        try:
            execute_one(action_id)
        except Exception:  # one that fails for a reason of its own must not hold up the others
            log.exception("action.stuck", action_id=str(action_id))
    while unsettled := execution.lease_unsettled(now=timezone.now()):
        execution.reconcile(execution=unsettled, now=timezone.now())
    if count_due_requests(now=timezone.now()):
        process_work.delay()


def execute_one(action_id: UUID) -> None:
    """Carry out one action: commit `executing`, call the provider, record the outcome."""
    dispatch = execution.start(action_id=action_id, now=timezone.now())
    if dispatch is None:
        return
    with bind_request_id(dispatch.request_id):
        outcome = execution.call_provider(dispatch)
        execution.finish(execution_id=dispatch.execution_id, outcome=outcome, now=timezone.now())


@shared_task(name="orchestration.tasks.expire_due", ignore_result=True)
def expire_due() -> None:
    """Expire what nobody decided in time, and close enrichment calls whose caller died."""
    while budgets.close_lapsed(now=timezone.now()):
        pass
    while expiry.expire_pending(now=timezone.now()):
        pass
