"""Changes to the catalogue."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from compliance import audit
from signals.models import SignalCode, SignalType
from signals.payload_schemas import check_schema


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


@transaction.atomic
def save_type(*, row: SignalType, actor: str, now: datetime) -> None:
    """Store a new or changed type of the catalogue.

    Signals of a type that was unknown until now count after a replay of the store.

    Raises:
        InvalidSchema: its payload schema can't be put into force.
    """
    check_schema(row.payload_schema)
    is_known = SignalType.objects.filter(name=row.name).exists()
    row.save()
    entry = audit.AuditEntry(
        name="signal_type.changed" if is_known else "signal_type.created",
        actor=actor,
        target_type="signal_type",
        target_id=row.name,
        at=now,
        payload={"attributes": len(row.payload_schema.get("properties", {})), "claims": len(row.claims)},
    )
    audit.record([entry])
