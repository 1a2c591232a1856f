"""Actions to decide on, made through the doors that production uses."""

from datetime import UTC, datetime

from compliance import consent
from contexts.services.seeding import seed_test_account
from contexts.web.tests.factories import BUYER, make_account_hot
from orchestration.contracts import ActionDetail
from orchestration.selectors import get_action_detail
from orchestration.services import proposal, requests
from orchestration.web import reads
from revctx.eventbus import workitems
from revctx.eventbus.envelope import Event
from revctx.eventbus.models import OutboxEvent


def make_action(*, crm_id: str = "test-account-001", consented: bool = True) -> ActionDetail:
    """Return a pending action: an e-mail where the buyer has consented, else a task."""
    now = datetime.now(UTC)
    seed_test_account(now=now)
    if consented:
        grant(BUYER.email)
    make_account_hot(crm_id=crm_id, person=BUYER if consented else None)
    bring_events()
    while request := proposal.lease_request(now=datetime.now(UTC)):
        proposal.propose(request=request, now=datetime.now(UTC))
    newest = max(reads.list_queue(), key=lambda row: row.created_at)
    return get_action_detail(action_id=newest.id, viewer=0, now=datetime.now(UTC))


def grant(email: str) -> consent.ConsentStatement:
    """Record a person's consent to outreach by e-mail."""
    return consent.grant(
        email=email,
        jurisdiction="EU",
        notice_version="v3",
        source="web form",
        actor="system:test",
        now=datetime.now(UTC),
    )


def bring_events() -> None:
    """Give orchestration the events that relay and bridge would have brought, and let it note them."""
    now = datetime.now(UTC)
    events = [
        Event(
            id=row.event_id,
            type=row.type,
            key=row.key,
            data=row.data,
            occurred_at=row.occurred_at,
            request_id=row.request_id,
        )
        for row in OutboxEvent.objects.filter(type__in=["context.updated", "consent.changed"])
    ]
    workitems.add(group=requests.GROUP, events=events, now=now)
    workitems.process(
        group=requests.GROUP, handle=lambda items: requests.note_events(items, now=now), limit=500, now=now
    )
