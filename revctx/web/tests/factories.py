"""People with roles, and work for them to see, made through the doors that production uses."""

from datetime import UTC, datetime, timedelta
from itertools import count

from django.contrib.auth.models import Group, User
from django.test import Client

from compliance import consent
from contexts.services.seeding import seed_test_account
from contexts.tests.factories import score_signals
from orchestration.contracts import ActionDetail
from orchestration.selectors import get_action_detail
from orchestration.services import proposal, requests
from orchestration.web import reads
from revctx.eventbus import workitems
from revctx.eventbus.envelope import Event
from revctx.eventbus.models import OutboxEvent
from signals.contracts import PersonDraft, SignalDraft

BUYER = PersonDraft(email="buyer@customer.test", name="Dana Reyes", title="Head of Operations")
HOT_SIGNALS = ("demo_requested", "pricing_page_view", "meeting_booked", "trial_started", "usage_limit_reached")
_numbers = count(1)


def make_person(*roles: str, name: str = "") -> User:
    """Return a user with these roles."""
    user = User.objects.create_user(name or f"person-{next(_numbers)}")
    user.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
    return user


def sign_in(*roles: str) -> Client:
    """Return a browser session of a new person with these roles; `client.person` is who it is."""
    client = Client(enforce_csrf_checks=False)
    client.person = make_person(*roles)
    client.force_login(client.person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def make_account_hot(*, crm_id: str = "test-account-001", person: PersonDraft | None = BUYER) -> None:
    """Send the signals that carry an account over the threshold, and score them."""
    now = datetime.now(UTC)
    drafts = [
        SignalDraft(
            source="web",
            type=kind,
            external_id=f"hot-{next(_numbers)}",
            occurred_at=now - timedelta(minutes=10 * (number + 1)),
            account={"crm_id": crm_id},
            person=person,
            strength=3.0,
        )
        for number, kind in enumerate(HOT_SIGNALS * 2)
    ]
    score_signals(*drafts, now=now)


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
