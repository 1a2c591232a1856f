"""What every context pack begins with: the account, consent of its people, open deals, last touch."""

from datetime import datetime
from typing import Any
from uuid import UUID

from compliance import consent
from contexts.contracts import PackContact, PackDeal, ScoreExplanation
from contexts.evidence import without_erased
from contexts.families import list_members
from contexts.graph_facts import find_open_deals
from contexts.models import LedgerEntry
from contexts.packing import ROLE_WORTH
from contexts.selectors.accounts import get_account, list_contacts
from contexts.selectors.configs import get_active
from contexts.selectors.graph_rows import list_deal_signals

DEALS_LISTED = 5  # they are always in, so many would leave no room
LISTED = 12  # values of an attribute that is a list


def describe_account(account_id: UUID, explanation: ScoreExplanation, quality: float) -> dict[str, Any]:
    """Return what is known of the company and how it scores."""
    account = get_account(account_id)
    attributes = {
        name: value[:LISTED] if isinstance(value, list) else value
        for name, value in account.attributes.items()
    }
    return {
        "name": account.name,
        "domain": account.domain,
        "attributes": attributes,
        "intent": explanation.intent,
        "fit": explanation.fit,
        "priority": explanation.priority,
        "band": explanation.band,
        "version": explanation.version,
        "damped_by": list(explanation.damped_by),
        "quality": quality,
    }


def list_people(account_id: UUID, *, now: datetime) -> list[PackContact]:
    """Return the people with what consent says, whoever may be written to first, then by role."""
    people = without_erased(list_contacts(account_id), lambda contact: contact.subject_id)
    decisions = consent.list_status(subject_ids=[person.subject_id for person in people], now=now)
    found = [
        PackContact(
            contact_id=person.id,
            subject_id=person.subject_id,
            title_class=person.title_class,
            consent_allowed=decisions[person.subject_id].allowed,
            consent_reason=decisions[person.subject_id].reason,
            consent_revision_id=decisions[person.subject_id].revision_id,
        )
        for person in people
    ]
    return sorted(found, key=lambda item: (not item.consent_allowed, -ROLE_WORTH.get(item.title_class, 0.0)))


def list_open_deals(account_id: UUID, *, now: datetime) -> tuple[PackDeal, ...]:
    """Return the open deals, at most five, and the stage each was last seen in; the same as in the graph."""
    return tuple(
        PackDeal(signal_id=seen.signal_id, stage=stage or "created", since=seen.at)
        for seen, stage in find_open_deals(list_deal_signals(account_id=account_id, now=now))[:DEALS_LISTED]
    )


def find_last_touch(account_id: UUID, *, now: datetime) -> dict[str, Any] | None:
    """Return the newest signal, whose person may be read."""
    entries = LedgerEntry.objects.filter(
        account_id__in=list_members(account_id), decay_id=get_active().decay_id, occurred_at__lte=now
    ).order_by("-occurred_at", "-id")
    newest = without_erased(entries[:20], lambda entry: entry.subject_id)
    if not newest:
        return None
    entry = newest[0]
    return {
        "signal_id": str(entry.signal_id),
        "type": entry.type,
        "at": entry.occurred_at.isoformat(),
        "subject_id": str(entry.subject_id) if entry.subject_id else None,
    }
