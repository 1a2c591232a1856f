"""The account that every fresh installation has."""

from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from contexts.aliases import normalize_alias
from contexts.models import Account, AccountAlias
from contexts.services.configs import share_active
from contexts.services.identity import create_accounts

CRM_ID = "test-account-001"
NAME = "Northwind Traders"
DOMAIN = "northwind.example"
ATTRIBUTES = {"industry": "retail", "employees": 820}


@transaction.atomic
def seed_test_account(*, now: datetime) -> UUID:
    """Create the test account with its aliases, once; return its id."""
    configs = share_active()
    known = AccountAlias.objects.filter(kind="crm_id", value=CRM_ID).first()
    if known:
        return known.account_id
    source = {"source": "crm", "at": now.isoformat()}
    account = Account(
        id=uuid4(),
        name=NAME,
        attributes=ATTRIBUTES,
        fact_sources={name: [source | {"value": value}] for name, value in ATTRIBUTES.items()},
        created_at=now,
    )
    create_accounts(accounts=[account], configs=configs, now=now)
    AccountAlias.objects.bulk_create(
        [
            AccountAlias(account=account, kind=kind, value=normalize_alias(kind, value), created_at=now)
            for kind, value in (("crm_id", CRM_ID), ("domain", DOMAIN), ("name", NAME))
        ],
        ignore_conflicts=True,
    )
    return account.id
