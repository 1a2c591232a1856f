"""People seen at accounts: an id beside the account, name and title sealed under the person's key."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from compliance import subjects
from contexts.models import Contact
from contexts.titles import classify_title
from signals.contracts import ScorableSignal
from signals.services.opening import open_signals

ACTOR = "system:context-engine"


class ContactNotFound(Exception):
    """No contact has this id."""


def ensure_contacts(
    *, signals: Sequence[ScorableSignal], account_of: Mapping[UUID, UUID], now: datetime
) -> None:
    """Make the persons of signals contacts of their accounts, in the caller's transaction.

    The signals of new persons are opened once, with one audit row, to learn name and title.
    """
    newest: dict[tuple[UUID, UUID], ScorableSignal] = {}
    for signal in signals:
        if signal.subject_id is not None and signal.id in account_of:
            key = (account_of[signal.id], signal.subject_id)
            if key not in newest or signal.occurred_at >= newest[key].occurred_at:
                newest[key] = signal
    for key in _list_known({subject_id for _, subject_id in newest}):
        newest.pop(key, None)
    if newest:
        _store(newest, now)


def open_contact(*, contact_id: UUID, actor: str, now: datetime) -> tuple[str, str]:
    """Return name and title of a contact, audited; ('', '') once the person is erased.

    Raises: ContactNotFound.
    """
    contact = Contact.objects.filter(id=contact_id).first()
    if contact is None:
        raise ContactNotFound(str(contact_id))
    if contact.sealed is None:
        return "", ""
    item = (contact.subject_id, bytes(contact.sealed), contact.id.bytes)
    [opened] = subjects.open_sealed(items=[item], actor=actor, purpose="contact_naming", now=now)
    if opened is None:
        return "", ""
    content = json.loads(opened)
    return content["name"], content["title"]


def _list_known(subject_ids: set[UUID]) -> list[tuple[UUID, UUID]]:
    return list(Contact.objects.filter(subject_id__in=subject_ids).values_list("account_id", "subject_id"))


def _store(newest: Mapping[tuple[UUID, UUID], ScorableSignal], now: datetime) -> None:
    signal_ids = [signal.id for signal in newest.values()]
    opened = open_signals(signal_ids=signal_ids, actor=ACTOR, purpose="contact_naming", now=now)
    contacts, items = [], []
    for (account_id, subject_id), signal in sorted(newest.items(), key=lambda item: item[0]):
        if signal.id not in opened:
            continue  # the key was destroyed in the meantime
        name, title = opened[signal.id].name, opened[signal.id].title
        contact = Contact(
            id=uuid4(),
            account_id=account_id,
            subject_id=subject_id,
            title_class=classify_title(title),
            created_at=now,
        )
        contacts.append(contact)
        items.append((subject_id, json.dumps({"name": name, "title": title}).encode(), contact.id.bytes))
    for contact, sealed in zip(contacts, subjects.seal(items=items, now=now), strict=True):
        contact.sealed = sealed
    Contact.objects.bulk_create(contacts, ignore_conflicts=True)
