"""People seen at accounts: an id beside the account, name and title sealed under the person's key."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from compliance import subjects
from contexts.models import Contact
from contexts.titles import classify_title
from revctx.arrays import to_array
from revctx.statements import fetch_prepared
from signals.contracts import ScorableSignal
from signals.services.opening import open_signals

ACTOR = "system:context-engine"
_CONTACTS = "SELECT account_id, subject_id FROM contexts_contact WHERE subject_id = ANY(%s::uuid[])"


class ContactNotFound(Exception):
    """No contact has this id."""


# Account and person → the newest signal of the person there.
Newcomers = dict[tuple[UUID, UUID], ScorableSignal]


def list_newcomers(*, signals: Sequence[ScorableSignal], account_of: Mapping[UUID, UUID]) -> Newcomers:
    """Return the persons of signals who are no contacts of their accounts yet; at most one statement."""
    newest: Newcomers = {}
    for signal in signals:
        if signal.subject_id is not None and signal.id in account_of:
            key = (account_of[signal.id], signal.subject_id)
            if key not in newest or signal.occurred_at >= newest[key].occurred_at:
                newest[key] = signal
    if newest:
        persons = {subject_id for _, subject_id in newest}
        for account_id, subject_id in fetch_prepared(_CONTACTS, [to_array(persons)]):
            newest.pop((account_id, subject_id), None)
    return newest


def add_contacts(*, newcomers: Newcomers, now: datetime) -> None:
    """Make newcomers contacts of their accounts, in the caller's transaction.

    Their signals are opened once, with one audit row, to learn name and title.
    """
    if not newcomers:
        return
    signal_ids = [signal.id for signal in newcomers.values()]
    opened = open_signals(signal_ids=signal_ids, actor=ACTOR, purpose="contact_naming", now=now)
    contacts, items = [], []
    for (account_id, subject_id), signal in sorted(newcomers.items(), key=lambda item: item[0]):
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
