"""Changes to the catalogue."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from compliance import audit
from signals.models import SignalCode


@transaction.atomic
def register_codes(*, list_name: str, codes: Mapping[str, str], actor: str, now: datetime) -> int:
    """Add the codes that a list does not have yet; return how many those are.

    `codes` maps code → label; the label of an existing code stays.
    """
    existing = SignalCode.objects.filter(list_name=list_name, code__in=codes).values_list("code", flat=True)
    missing = sorted(set(codes) - set(existing))
    rows = [SignalCode(list_name=list_name, code=code, label=codes[code]) for code in missing]
    SignalCode.objects.bulk_create(rows, ignore_conflicts=True)
    audit.record(
        [
            audit.AuditEntry(
                name="signal_code.registered",
                actor=actor,
                target_type="signal_code",
                target_id=f"{list_name}.{code}",
                at=now,
            )
            for code in missing
        ]
    )
    return len(missing)
