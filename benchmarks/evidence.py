"""Accounts with evidence for the measures of contexts, through the product's own services.

The signals themselves are left out: ledger and buckets are what scoring reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count, islice
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid4

from django.apps import apps
from django.db import transaction

from compliance import subjects
from contexts.contracts import ActiveConfigs
from contexts.scoring import place
from contexts.services.configs import share_active
from contexts.services.identity import create_accounts
from contexts.services.ledger import LedgerRow, add_to_ledger
from contexts.services.rescoring import rescore

TYPES = ("page_view", "pricing_page_view", "content_download", "product_usage")
SPAN = timedelta(days=90)
BATCH = 5_000
_numbers = count(1)
T = TypeVar("T")


class Past(NamedTuple):
    """One signal that counted: whose, of which type, when."""

    account_id: UUID
    person: UUID | None
    type: str
    at: datetime


def make_accounts(number: int, now: datetime) -> list[UUID]:
    """Create accounts with attributes that the fit looks at."""
    account_model = apps.get_model("contexts", "Account")
    made: list[UUID] = []
    for numbers in batched(range(number), 1_000):
        accounts = [
            account_model(
                id=uuid4(),
                name=f"Account {each}",
                attributes={"industry": "retail", "employees": 40 + each % 900},
                created_at=now,
            )
            for each in numbers
        ]
        with transaction.atomic():
            create_accounts(accounts=accounts, configs=share_active(), now=now)
        made += [account.id for account in accounts]
    return made


def make_persons(number: int, now: datetime) -> list[UUID]:
    """Create persons."""
    made: list[UUID] = []
    for numbers in batched(range(number), 1_000):
        emails = [f"person-{next(_numbers)}@bench.test" for _ in numbers]
        with transaction.atomic():
            made += subjects.ensure_subjects(emails=emails, now=now).values()
    return made


def count_all(past: Iterable[Past], now: datetime) -> None:
    """Let signals count, and score their accounts."""
    for some in batched(past, BATCH):
        with transaction.atomic():
            configs = share_active()
            rows = [_row(signal, configs, now) for signal in some]
            add_to_ledger(rows=rows, decay_id=configs.decay_id)


def score_all(account_ids: Iterable[UUID], now: datetime) -> None:
    """Score accounts as they stand."""
    for some in batched(account_ids, 500):
        with transaction.atomic():
            rescore(account_ids=some, configs=share_active(), now=now, changed=set(some))


def spread(account_id: UUID, persons: list[UUID], signals: int, now: datetime) -> Iterator[Past]:
    """Yield signals of every person and type, evenly over the span."""
    kinds = [(person, kind) for person in persons for kind in TYPES]
    each = signals // len(kinds)
    for person, kind in kinds:
        for number in range(each):
            yield Past(account_id, person, kind, now - SPAN * (number + 0.5) / each)


def visits(account_id: UUID, persons: list[UUID], signals: int, now: datetime) -> Iterator[Past]:
    """Yield signals of many persons, each of whom is there for one hour and in one type."""
    each = signals // len(persons)
    for place_of, person in enumerate(persons):
        begin = now - timedelta(hours=1) - SPAN * place_of / len(persons)
        for number in range(each):
            yield Past(account_id, person, TYPES[place_of % 4], begin + timedelta(hours=1) * number / each)


def _row(signal: Past, configs: ActiveConfigs, now: datetime) -> LedgerRow:
    bucket = place(
        signal_type=signal.type,
        stage="",
        person=str(signal.person or ""),
        occurred_at=signal.at,
        strength=1.0,
        decay=configs.decay,
    )
    return LedgerRow(
        signal_id=uuid4(),
        account_id=signal.account_id,
        subject_id=signal.person,
        occurred_at=signal.at,
        strength=1.0,
        recorded_at=now,
        bucket=bucket,
    )


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
