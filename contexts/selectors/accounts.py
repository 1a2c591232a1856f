"""Reads of accounts: one by any of its names, or many by priority."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from contexts.aliases import PRECEDENCE, find_id, normalize_alias
from contexts.bands import PastBand
from contexts.contracts import AccountNotFound, AccountRow, AccountView, ActiveConfigs, ContactView
from contexts.evidence import END_OF_TIME, read_ledger
from contexts.families import find_persons, find_root, list_members, note_root
from contexts.models import Account, AccountAlias, AccountContext, Contact, Crossing
from contexts.scoring import HOT, Score, Scorer, measure_fit
from contexts.selectors.configs import get_active
from revctx.reading import read_once

MAX_LISTED = 500

Position = tuple[float, UUID]  # priority and id of the last account of a page


def get_account(ref: str | UUID) -> AccountView:
    """Return the account with this id or alias; of several aliases the strongest kind wins.

    Raises: AccountNotFound.
    """
    account = read_context(get_account_id(ref)).account
    rows = AccountAlias.objects.filter(account_id__in=list_members(account.id)).order_by("-value")
    named = list(rows.values_list("account_id", "kind", "value"))
    names = [(kind, value) for _, kind, value in named]
    own = {kind: value for owner, kind, value in named if owner == account.id}
    return AccountView(
        id=account.id,
        name=account.name,
        domain=own.get("domain") or min((value for kind, value in names if kind == "domain"), default=None),
        attributes=account.attributes,
        aliases=tuple(sorted(names, key=lambda name: (PRECEDENCE.index(name[0]), name[1]))),
        created_at=account.created_at,
    )


def get_account_id(ref: str | UUID, *, known_at: datetime | None = None) -> UUID:
    """Return the id of the account with this id or alias; of a merged one the survivor's, as known then.

    Raises: AccountNotFound.
    """
    account_id = ref if isinstance(ref, UUID) else find_id(ref)
    named = Account.objects.filter(id=account_id).values_list("id", "merged_into_id") if account_id else ()
    found = next(iter(named), None) or (None if isinstance(ref, UUID) else _find_by_alias(ref))
    if found is None:
        raise AccountNotFound("no account has this id or alias")
    own, survivor = found
    return survivor or own if known_at is None else find_root(own, known_at=known_at)


def _find_by_alias(ref: str) -> tuple[UUID, UUID | None] | None:
    """Return the account that has this name, of the strongest kind, and what it is merged into."""
    if "\x00" in ref:
        return None
    values = {kind: normalize_alias(kind, ref) for kind in PRECEDENCE}
    rows = AccountAlias.objects.filter(value__in=set(values.values()) - {""})
    found = {
        kind: (owner, survivor)
        for kind, value, owner, survivor in rows.values_list(
            "kind", "value", "account_id", "account__merged_into_id"
        )
        if values[kind] == value
    }
    return next((found[kind] for kind in PRECEDENCE if kind in found), None)


def read_context(account_id: UUID) -> AccountContext:
    """Return an account's score row with the account. Raises: AccountNotFound."""
    context = read_once(f"context {account_id}", lambda: _read_context(account_id))
    if context is None:
        raise AccountNotFound("no account has this id")
    return context


def _read_context(account_id: UUID) -> AccountContext | None:
    context = AccountContext.objects.select_related("account").filter(account_id=account_id).first()
    if context is not None:
        note_root(context.account)
    return context


def list_names(account_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of these accounts; ids that lead nowhere are left out."""
    return dict(Account.objects.filter(id__in=account_ids).values_list("id", "name"))


def list_contacts(account_id: UUID) -> list[ContactView]:
    """Return the people seen at an account, the first seen first, each once; names stay sealed."""
    rows = read_contacts(list_members(account_id))
    persons = find_persons(row.subject_id for row in rows)
    # Of a person who is there more than once the survivor's row, else the oldest one.
    chosen: dict[UUID, Contact] = {}
    for row in sorted(rows, key=lambda row: row.subject_id in persons):
        chosen.setdefault(persons.get(row.subject_id, row.subject_id), row)
    return [
        ContactView(
            id=row.id,
            account_id=row.account_id,
            subject_id=row.subject_id,
            title_class=row.title_class,
            created_at=row.created_at,
        )
        for row in rows
        if row in chosen.values()
    ]


def read_contacts(account_ids: Collection[UUID]) -> list[Contact]:
    """Return the contacts of these accounts, the first seen first."""
    rows = Contact.objects.filter(account_id__in=list(account_ids)).order_by("created_at", "id")
    return read_once(f"contacts {sorted(account_ids)}", lambda: list(rows.defer("sealed")))


def list_accounts(
    *,
    search: str = "",
    band: str = "",
    min_fit: float = 0.0,
    attributes: Mapping[str, Any] | None = None,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    after: Position | None = None,
    limit: int = 50,
) -> list[AccountRow]:
    """Return accounts by falling priority, then id; at most 500.

    Without `as_of` by the stored score (refreshed at least every minute); with it by the evidence that
    had occurred by then, of all accounts in one query. Accounts without evidence by then are left out.

    `search` is part of the name or the beginning of an alias; `attributes` are values that the account's
    attributes must contain; `min_fit` is 0…1; `after` is the last position of the page before.
    """
    limit = min(limit, MAX_LISTED)
    accounts = _filter(search, attributes or {})
    if as_of is None:
        return _list_stored(accounts, band, min_fit, after, limit)
    configs = get_active(known_at=known_at)
    rows = _list_as_of(accounts, configs, as_of, known_at or END_OF_TIME)
    wanted = [
        row
        for row in rows
        if band in ("", row.band)
        and row.fit >= min_fit
        and (after is None or _key(row) > (-after[0], after[1]))
    ]
    return sorted(wanted, key=_key)[:limit]


def _key(row: AccountRow) -> tuple[float, UUID]:
    return -row.priority, row.id


def _filter(search: str, attributes: Mapping[str, Any]) -> QuerySet[Account]:
    accounts = Account.objects.all()
    if attributes:
        accounts = accounts.filter(attributes__contains=dict(attributes))
    text = " ".join(search.split())
    if text:
        aliased = AccountAlias.objects.filter(
            Q(value__startswith=text) | Q(value__startswith=text.casefold())
        )
        named = aliased.values(survivor=Coalesce("account__merged_into_id", "account_id"))
        accounts = accounts.filter(Q(name__icontains=text) | Q(id__in=named))
    return accounts


def _list_stored(
    accounts: QuerySet[Account], band: str, min_fit: float, after: Position | None, limit: int
) -> list[AccountRow]:
    contexts = AccountContext.objects.select_related("account").filter(account__merged_into=None)
    contexts = contexts.order_by("-priority", "account_id")
    if accounts.query.where:
        contexts = contexts.filter(account__in=accounts)
    if band:
        contexts = contexts.filter(band=band)
    if min_fit > 0:
        contexts = contexts.filter(fit_score__gte=min_fit)
    if after is not None:
        priority, account_id = after
        contexts = contexts.filter(
            Q(priority__lt=priority) | Q(priority=priority, account_id__gt=account_id), priority__lte=priority
        )
    return [
        AccountRow(
            id=row.account_id,
            name=row.account.name,
            attributes=row.account.attributes,
            intent=row.intent_score,
            fit=row.fit_score,
            priority=row.priority,
            band=row.band,
            hot_until=row.hot_until,
            scored_at=row.scored_at,
        )
        for row in contexts[:limit]
    ]


def _list_as_of(
    accounts: QuerySet[Account], configs: ActiveConfigs, as_of: datetime, known_at: datetime
) -> list[AccountRow]:
    evidence = read_ledger(account_ids=None, configs=configs, as_of=as_of, known_at=known_at)
    bands = find_bands(account_ids=None, at=min(as_of, known_at))
    scorer = Scorer(decay=configs.decay, weight=configs.weight, at=as_of)
    return [
        _row_as_of(account, scorer.score(evidence[account.id]), bands.get(account.id, PastBand()))
        for account in accounts.filter(id__in=list(evidence))
    ]


def _row_as_of(account: Account, result: Score, previous: PastBand) -> AccountRow:
    fit = measure_fit(account.attributes, result.weight.icp).score
    as_of = result.at
    band = result.choose_band(previous=previous.band, held_seconds=previous.held_seconds(as_of))
    return AccountRow(
        id=account.id,
        name=account.name,
        attributes=account.attributes,
        intent=result.intent,
        fit=fit,
        priority=result.intent * fit,
        band=band,
        hot_until=result.stays_hot_until(entered_at=previous.entered_at) if band == HOT else None,
        scored_at=as_of,
    )


def find_bands(*, account_ids: list[UUID] | None, at: datetime) -> dict[UUID, PastBand]:
    """Return hot for accounts whose last crossing by then was upward, cold for the other crossed ones."""
    crossings = Crossing.objects.filter(crossed_at__lte=at)
    if account_ids is not None:
        crossings = crossings.filter(account_id__in=account_ids)
    newest = crossings.order_by("account_id", "-crossed_at", "-version").distinct("account_id")
    return {
        account_id: PastBand(HOT if direction == "up" else "cold", crossed_at)
        for account_id, direction, crossed_at in newest.values_list("account_id", "direction", "crossed_at")
    }
