"""Take over what a provider knows of an account, without overwriting what people or the CRM said."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from compliance import audit
from contexts.firmographics import read_fact
from contexts.quality import FIELDS, measure_quality
from contexts.services.configs import share_active
from contexts.services.facts import hold_account, tell
from contexts.services.rescoring import rescore
from revctx.observability.metrics import CONTEXT_QUALITY

ACTOR = "system:enrichment"


@transaction.atomic
def record_enrichment(
    *, account_id: UUID, provider: str, facts: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Store facts of a provider and score the account's fit anew; return the facts that were taken over.

    Left out are facts that contexts has no attribute for, and those of a wrong kind: the audit row names
    the latter. Raises: AccountNotFound.
    """
    configs = share_active()
    account = hold_account(account_id)
    given = {name: facts[name] for name in FIELDS if facts.get(name) is not None}
    read = {name: read_fact(name, value) for name, value in given.items()}
    known = {name: value for name, value in read.items() if value is not None}
    tell(account, known, source=provider, now=now)
    quality = measure_quality(account.fact_sources, now=now).score
    audit.record([_audit_entry(account.id, provider, read, quality, now)])
    rescore(account_ids=[account.id], configs=configs, now=now, changed=[account.id] if known else [])
    CONTEXT_QUALITY.observe(quality)
    return known


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
