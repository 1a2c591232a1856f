"""Keep what nobody understood once, however often it is delivered."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from integrations.salesforce.models import SeenDelivery
from signals.contracts import SignalDraft
from signals.normalization import InvalidDraft, normalize
from signals.selectors import get_catalogue
from signals.services.quarantine import quarantine

LEAST_DAYS = 4  # a stream of changes can be read again for 72 hours, and the run is daily


def quarantine_once(*, source: str, delivery: str, reason: str, payload: bytes, now: datetime) -> UUID:
    """Put a payload into quarantine unless this delivery of it is there; return the quarantine's id."""
    digest = hashlib.sha256(f"{source}\n{delivery}".encode()).digest()
    try:
        with transaction.atomic():
            seen = SeenDelivery.objects.filter(digest=digest).first()
            if seen is not None:
                return seen.quarantine_id
            payload_id = quarantine(source=source, reason=reason, payload=payload, delivery=delivery, now=now)
            SeenDelivery.objects.create(digest=digest, quarantine_id=payload_id, received_at=now)
            return payload_id
    except IntegrityError:
        # Somebody delivered the same at the same moment and was first.
        return SeenDelivery.objects.get(digest=digest).quarantine_id


def forget_deliveries(before: datetime) -> int:
    """Forget deliveries that were received before an instant; return how many.

    What is forgotten and delivered again waits in quarantine a second time. The longest that anything is
    delivered again is 72 hours, as far back as a stream of changes can be read; Outbound Messages repeat for
    24, and a replayed webhook is refused after five minutes.
    """
    return SeenDelivery.objects.filter(received_at__lt=before).delete()[0]


def list_defects(*, drafts: Sequence[SignalDraft], now: datetime) -> list[str]:
    """Return for each draft why it can't be stored, or an empty text; so that one doesn't spoil the rest."""
    catalogue = get_catalogue()
    defects = []
    for draft in drafts:
        try:
            normalize(draft, now=now, catalogue=catalogue)
        except InvalidDraft as error:
            defects.append(error.code)
        else:
            defects.append("")
    return defects
