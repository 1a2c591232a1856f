"""Accounts brought to the queue through the doors that production uses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection

from compliance import consent
from contexts import selectors as contexts_selectors
from contexts import tasks as contexts_tasks
from orchestration import tasks
from orchestration.models import Action
from orchestration.services import approval
from revctx.eventbus import workitems
from revctx.eventbus.envelope import Event
from revctx.eventbus.models import OutboxEvent
from signals.contracts import PersonDraft, SignalDraft
from signals.services.ingest import ingest_signals

_numbers = count(1)
GROUPS = {"signal.ingested": "context-engine"} | dict.fromkeys(
    ("context.updated", "consent.changed"), "orchestration-engine"
)
HOT = ("demo_requested", "opportunity_stage_changed", "pricing_page_view", "trial_started", "meeting_booked")


def utc_now() -> datetime:
    return datetime.now(UTC)


def bridge() -> None:
    """Hand every event of the outbox to the groups that read it, as relay and bridges do."""
    now = utc_now()
    for row in OutboxEvent.objects.order_by("id"):
        if group := GROUPS.get(row.type):
            event = Event(
                id=row.event_id,
                type=row.type,
                key=row.key,
                data=row.data,
                occurred_at=row.occurred_at,
                request_id=row.request_id,
            )
            workitems.add(group=group, events=[event], now=now)


def run_engines() -> None:
    """Let both engines work off what there is."""
    bridge()
    contexts_tasks.process_work()
    bridge()
    tasks.process_work()


def make_signals(
    crm_id: str, types: Sequence[str] = HOT, *, email: str | None = None, name: str = "Dana Reyes"
) -> list[SignalDraft]:
    person = PersonDraft(email=email, name=name, title="Head of Operations") if email else None
    stage = {"stage": "demo_scheduled"}
    return [
        SignalDraft(
            source="web",
            type=signal_type,
            external_id=f"story-{next(_numbers)}",
            occurred_at=utc_now() - timedelta(minutes=number + 1),
            account={"crm_id": crm_id},
            person=person,
            strength=10.0,
            attributes=stage if signal_type == "opportunity_stage_changed" else {},
        )
        for number, signal_type in enumerate(types)
    ]


@dataclass(frozen=True)
class Story:
    """A hot account and the action that came of it."""

    account_id: UUID
    email: str

    @property
    def action(self) -> Action:
        return Action.objects.get(account_id=self.account_id)


def give_consent(email: str) -> None:
    consent.grant(
        email=email,
        jurisdiction="EU",
        notice_version="v3",
        source="form",
        actor="system:test",
        now=utc_now(),
    )


def heat(
    *, consented: bool = True, types: Sequence[str] = HOT, crm_id: str = "", request_id: str = ""
) -> Story:
    """Bring a fresh account over the threshold and let the engines propose."""
    number = next(_numbers)
    crm_id, email = crm_id or f"crm-{number}", f"dana{number}@buyer{number}.test"
    if consented:
        give_consent(email)
    ingest_signals(drafts=make_signals(crm_id, types, email=email), actor="system:test", now=utc_now())
    run_engines()
    return Story(account_id=contexts_selectors.get_account_id(crm_id), email=email)


def score_only(crm_id: str, types: Sequence[str] = HOT, *, email: str | None = None) -> UUID:
    """Take in and score signals of an account, without letting an agent draft; return its id."""
    ingest_signals(drafts=make_signals(crm_id, types, email=email), actor="system:test", now=utc_now())
    bridge()
    contexts_tasks.process_work()
    return contexts_selectors.get_account_id(crm_id)


def make_user(name: str) -> User:
    return User.objects.create_user(username=name)


def approve(action: Action, user: User, *, now: datetime | None = None) -> Action:
    """Approve the current text and return the fresh row."""
    approval.approve(
        action_id=action.id,
        version=action.version,
        content_hash=action.content_hash,
        actor_user_id=user.pk,
        now=now or utc_now(),
    )
    return Action.objects.get(pk=action.pk)


def list_audit(target_id: object) -> list[dict[str, Any]]:
    """Return the audit rows of one target, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, actor, payload, request_id FROM audit_logs WHERE target_id = %s ORDER BY id",
            [str(target_id)],
        )
        rows = cursor.fetchall()
    return [
        {"name": name, "actor": actor, "payload": json.loads(payload), "request_id": request_id}
        for name, actor, payload, request_id in rows
    ]


def names_of(target_id: object) -> list[str]:
    """Return the names of one target's audit rows, the oldest first."""
    return [row["name"] for row in list_audit(target_id)]


def list_letters() -> list[Action]:
    """Return the drafted letters, the oldest first."""
    return list(Action.objects.filter(kind="email").order_by("created_at"))


def send_what_is_approved(now: datetime) -> None:
    """Let the holds be over, and send."""
    Action.objects.filter(state="approved").update(execute_after=now - timedelta(seconds=1))
    tasks.execute_due()
