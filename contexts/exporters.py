"""What contexts holds about a person, for an export, and how it is put right."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from compliance import subjects
from compliance.breaches.registry import between
from contexts.models import Contact, LedgerEntry, ScoreBucket
from contexts.titles import classify_title

ACTOR = "system:privacy"
_LEDGER = ("signal_id", "account_id", "type", "stage", "occurred_at", "strength", "recorded_at")
_BUCKET = ("account_id", "type", "stage", "bucket", "mass", "latest_at")


def export_subject(subject_id: UUID, actor: str, now: datetime) -> dict[str, Any]:
    """Return the person's contacts with name and title, what counted in scores, and how the score works."""
    contacts = list(
        Contact.objects.filter(subject_id=subject_id).select_related("account").order_by("created_at", "id")
    )
    account_ids = {contact.account_id for contact in contacts}
    counted = LedgerEntry.every.filter(subject_id=subject_id, account_id__in=account_ids)
    return {
        "contacts": [_contact(c, *_open(c, actor=actor, now=now)) for c in contacts],
        "evidence": list(counted.order_by("occurred_at", "signal_id").values(*_LEDGER)),
        "score_parts": list(ScoreBucket.objects.filter(subject_id=subject_id).values(*_BUCKET)),
        "logic": "Each signal adds evidence of its type, which halves at a fixed rate; weights per type sum "
        "to the intent of the account, never of a person. A human decides on every letter.",
    }


def correct_subject(subject_id: UUID, corrections: dict[str, str], now: datetime) -> None:
    """Replace name and title wherever the person is a contact; what a source sent stays as it was sent."""
    contacts = Contact.objects.filter(subject_id=subject_id, sealed__isnull=False).order_by("id")
    for contact in contacts.select_for_update():
        name, title = _open(contact, actor=ACTOR, now=now)
        content = {"name": name, "title": title} | corrections
        item = (subject_id, json.dumps(content).encode(), contact.id.bytes)
        [contact.sealed] = subjects.seal(items=[item], now=now)
        contact.title_class = classify_title(content["title"])
        contact.save(update_fields=["sealed", "title_class"])


def _open(contact: Contact, *, actor: str, now: datetime) -> tuple[str, str]:
    if contact.sealed is None:
        return "", ""
    item = (contact.subject_id, bytes(contact.sealed), contact.id.bytes)
    [opened] = subjects.open_sealed(items=[item], actor=actor, purpose="privacy_request", now=now)
    content = json.loads(opened) if opened is not None else {"name": "", "title": ""}
    return content["name"], content["title"]


def _contact(contact: Contact, name: str, title: str) -> dict[str, Any]:
    return {
        "contact_id": contact.id,
        "account_id": contact.account_id,
        "account": contact.account.name,
        "name": name,
        "title": title,
        "title_class": contact.title_class,
        "since": contact.created_at,
    }


def find_persons(since: datetime | None, before: datetime) -> Iterable[UUID]:
    """Return who became a contact in a period."""
    rows = Contact.objects.filter(**between("created_at", since, before))
    return rows.values_list("subject_id", flat=True).distinct().iterator()
