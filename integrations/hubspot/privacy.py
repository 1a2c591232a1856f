"""A deletion for privacy in HubSpot opens an erasure request here."""

from datetime import datetime

from django.conf import settings

from compliance.privacy.requests import create_request
from compliance.privacy.states import RequestType
from integrations.hubspot.events import HubSpotEvent
from integrations.outcomes import NOBODY, Known, Outcome, Unmappable

EVENT = "contact.privacyDeletion"


def open_request(event: HubSpotEvent, known: dict[str, Known], *, actor: str, now: datetime) -> Outcome:
    """Open a request for the contact's person; a privacy officer still establishes who asked.

    HubSpot names the contact by its id alone, so the address is the one that earlier events told.

    Raises:
        Unmappable: no event told the contact's address.
    """
    email = known.get(event.key("contact", event.object_id), NOBODY).email
    if not email:
        raise Unmappable("unknown_contact")
    create_request(
        type=RequestType.ERASURE.value,
        email=email,
        jurisdiction=settings.HUBSPOT_PRIVACY_JURISDICTION,
        actor=actor,
        now=now,
    )
    return Outcome(event.raw)
