"""Take in what people or the CRM say of a company; it overrules what providers sell."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from compliance import audit
from contexts.contracts import AccountNotFound
from contexts.families import find_root
from contexts.firmographics import add_word, read_fact
from contexts.models import Account, EnrichmentRecord
from contexts.quality import FIELDS
from contexts.services.configs import share_active
from contexts.services.rescoring import lock_contexts, rescore


class InvalidFacts(ValueError):
    """Facts that no attribute takes; nothing was stored.

    Args:
        names: of the attributes that are unknown or got a value of a wrong kind.
    """

    def __init__(self, names: list[str]) -> None:
        """Keep the names."""
        super().__init__(", ".join(names))
        self.names = names


@transaction.atomic
def record_facts(
    *, account_id: UUID, source: str, facts: Mapping[str, Any], actor: str, now: datetime
) -> None:
    """Store what the CRM or a person (`source` crm or user) says, and score the account's fit anew.

    Raises:
        AccountNotFound: there is no such account.
        InvalidFacts: one of the facts can't be taken; then none is.
    """
    configs = share_active()
    account = hold_account(account_id)
    known = {name: read_fact(name, value) for name, value in facts.items() if name in FIELDS}
    if wrong := sorted(name for name in facts if known.get(name) is None):
        raise InvalidFacts(wrong)
    tell(account, known, source=source, now=now)
    entry = audit.AuditEntry(
        name="account.facts_recorded",
        actor=actor,
        target_type="account",
        target_id=str(account.id),
        account_id=account.id,
        at=now,
        payload={"source": source, "facts": " ".join(sorted(known))},
    )
    audit.record([entry])
    rescore(account_ids=[account.id], configs=configs, now=now, changed=[account.id])


def hold_account(account_id: UUID) -> Account:
    """Return the account that this one counts for, locked with its score. Raises: AccountNotFound."""
    root = find_root(account_id)
    lock_contexts([root])
    account = Account.objects.select_for_update(no_key=True).filter(id=root).first()
    if account is None:
        raise AccountNotFound("no account has this id")
    return account


def tell(account: Account, facts: Mapping[str, Any], *, source: str, now: datetime) -> None:
    """Put a source's word on record for a locked account, and let it count where it is believed.

    The account keeps the last word of each source, the records every word.
    """
    for name, value in facts.items():
        told, counts = add_word(account.fact_sources.get(name, []), source=source, value=value, at=now)
        account.fact_sources[name] = told
        if counts:
            account.attributes[name] = value
    account.save(update_fields=["attributes", "fact_sources"])
    EnrichmentRecord.objects.create(account=account, provider=source, facts=facts, recorded_at=now)
