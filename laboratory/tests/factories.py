"""History of accounts for tests: real signals, stored and scored through the services of their apps."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client, override_settings

from contexts.services.work import apply_signals
from laboratory.contracts import ChallengerSpec
from laboratory.models import Run
from laboratory.services import runs
from revctx.api.tokens import issue_token
from revctx.eventbus.workitems import WorkItemData
from signals.contracts import PersonDraft, SignalDraft
from signals.services.ingest import ingest_signals

DAY = 86_400  # seconds
ALL = ("lab:read", "lab:write", "lab:approve")


def make_draft(account: str, occurred_at: datetime, **values: object) -> SignalDraft:
    """Return a demo request of an account, named after its account and time."""
    defaults: dict[str, object] = {
        "source": "test",
        "type": "demo_requested",
        "external_id": f"{account}-{occurred_at.isoformat()}",
        "occurred_at": occurred_at,
        "account": {"crm_id": account},
    }
    return SignalDraft(**(defaults | values))  # type: ignore[arg-type]


def make_person(email: str) -> PersonDraft:
    """Return a person with an address alone."""
    return PersonDraft(email=email)


def store_history(drafts: Sequence[SignalDraft], *, now: datetime) -> list[UUID]:
    """Ingest and score signals as the pipeline does; return their ids."""
    results = ingest_signals(drafts=drafts, actor="system:test", now=now)
    items = [
        WorkItemData(
            id=number,
            event_id=result.signal_id,
            event_type="signal.ingested",
            key="test",
            data={"signal_id": str(result.signal_id), "source": "test", "type": "demo_requested"},
            request_id="",
            occurred_at=now,
        )
        for number, result in enumerate(results)
    ]
    with transaction.atomic():
        apply_signals(items=items, now=now)
    return [result.signal_id for result in results]


LONGER = ChallengerSpec(
    half_lives={"demo_requested": 60 * DAY, "meeting_booked": 60 * DAY, "trial_started": 60 * DAY}
)


def make_history(*, now: datetime) -> None:
    """Store `lab-burst`, hot at once, and `lab-steady`, whose evidence comes 15 days apart.

    Under the seeded half-lives of 7 to 10 days only the first gets hot; under LONGER both do.
    """
    kinds = ("meeting_booked", "demo_requested", "trial_started")
    begin = now - timedelta(days=60)
    steady = [
        make_draft("lab-steady", begin + timedelta(days=15 * step), type=kind)
        for step, kind in enumerate(kinds)
    ]
    burst = [
        make_draft("lab-burst", begin + timedelta(hours=step), type=kind)
        for step, kind in enumerate((*kinds, "usage_limit_reached"))
    ]
    store_history(steady + burst, now=now)


def make_user(name: str) -> User:
    """Create a user without any rights of their own."""
    return User.objects.create_user(username=name)


def make_client(name: str, *scopes: str, now: datetime) -> Client:
    """Return a client that sends a token of a new user with these scopes."""
    secret = issue_token(user=make_user(name), label=name, scopes=scopes or ALL, now=now)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def work_off(*, now: datetime) -> Run | None:
    """Do the oldest open run as the laboratory's own role; return it as it then is."""
    with override_settings(EXECUTION_MODE="laboratory"):
        run = runs.claim_run(worker="test", now=now)
        if run is not None:
            runs.execute_run(run=run, read_clock=lambda: now, should_stop=lambda: False)
            run.refresh_from_db()
        return run
