"""Take over what a provider knows of an account, without overwriting what people or the CRM said."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from compliance import audit
from contexts.contracts import AccountNotFound
from contexts.families import find_root
from contexts.firmographics import TRUSTED_SOURCES
from contexts.models import Account, EnrichmentRecord
from contexts.quality import FIELDS, measure_quality
from contexts.services.configs import share_active
from contexts.services.rescoring import lock_contexts, rescore
from revctx.observability.metrics import CONTEXT_QUALITY

ACTOR = "system:enrichment"
MAX_TEXT = 64
MAX_ITEMS = 50
MAX_NUMBER = 1e15


@transaction.atomic
def record_enrichment(
    *, account_id: UUID, provider: str, facts: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Store facts of a provider and score the account's fit anew; return the facts that were taken over.

    Left out are facts that contexts has no attribute for, and those of a wrong kind: the audit row names
    the latter. Raises: AccountNotFound.
    """
    configs = share_active()
    account_id = find_root(account_id)
    lock_contexts([account_id])
    account = Account.objects.select_for_update(no_key=True).filter(id=account_id).first()
    if account is None:
        raise AccountNotFound("no account has this id")
    given = {name: facts[name] for name in FIELDS if facts.get(name) is not None}
    read = {name: _read(name, value) for name, value in given.items()}
    known = {name: value for name, value in read.items() if value is not None}
    for name, value in known.items():
        _take_over(account, name, value, provider, now)
    account.save(update_fields=["attributes", "fact_sources"])
    EnrichmentRecord.objects.create(account=account, provider=provider, facts=known, recorded_at=now)
    quality = measure_quality(account.fact_sources, now=now).score
    audit.record([_audit_entry(account_id, provider, read, quality, now)])
    rescore(account_ids=[account_id], configs=configs, now=now, changed=[account_id] if known else [])
    CONTEXT_QUALITY.observe(quality)
    return known


def _take_over(account: Account, name: str, value: Any, source: str, now: datetime) -> None:
    told = [item for item in account.fact_sources.get(name, []) if item["source"] != source]
    is_trusted = any(item["source"] in TRUSTED_SOURCES for item in told)
    account.fact_sources[name] = [*told, {"source": source, "at": now.isoformat(), "value": value}]
    if not is_trusted:
        account.attributes[name] = value


def _read(name: str, value: Any) -> Any | None:
    """Return the value in its stored form, or None when it is not of the attribute's kind."""
    if name in {"employees", "annual_revenue"}:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return value if is_number and 0 <= value < MAX_NUMBER else None
    if name == "technologies":
        items = value[:MAX_ITEMS] if isinstance(value, list | tuple) else []
        return sorted({code for item in items if (code := _code(item))}) or None
    return _code(value)


def _code(value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip() or "@" in value or not value.isprintable():
        return None
    return "_".join(value.casefold().replace("-", " ").split())[:MAX_TEXT]


def _audit_entry(
    account_id: UUID, provider: str, read: Mapping[str, Any], quality: float, now: datetime
) -> audit.AuditEntry:
    return audit.AuditEntry(
        name="account.enriched",
        actor=ACTOR,
        target_type="account",
        target_id=str(account_id),
        account_id=account_id,
        at=now,
        payload={
            "provider": provider,
            "facts": " ".join(sorted(name for name in read if read[name] is not None)),
            "refused": " ".join(sorted(name for name in read if read[name] is None)),
            "quality": quality,
        },
    )
