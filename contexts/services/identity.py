"""Which account a signal speaks of: CRM id, then domain, then external id, then the name as given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from django.db import connection

from compliance import audit
from contexts.aliases import Alias, display_name, list_aliases
from contexts.contracts import ActiveConfigs
from contexts.models import Account, AccountAlias, AccountContext
from signals.contracts import ScorableSignal

_HOLD_ALIASES = """
SELECT pg_advisory_xact_lock(hashtextextended(alias, 7265003))
FROM unnest(%s::text[]) AS alias
"""


@dataclass
class _Directory:
    """Aliases known so far in this transaction, stored or about to be."""

    known: dict[Alias, UUID]
    ids: set[UUID]
    new_accounts: list[Account] = field(default_factory=list)
    new_aliases: list[AccountAlias] = field(default_factory=list)

    def find(self, account_id: UUID | None, aliases: Sequence[Alias]) -> UUID | None:
        """Return the account of the strongest reference that is known."""
        if account_id in self.ids:
            return account_id
        return next((self.known[alias] for alias in aliases if alias in self.known), None)


def resolve_accounts(
    *, signals: Sequence[ScorableSignal], configs: ActiveConfigs, now: datetime
) -> dict[UUID, UUID]:
    """Return signal id → account id, creating accounts and learning aliases; in the caller's transaction.

    References of one signal name one account: what is not known yet becomes an alias of the account
    found, never moves away from another one. A signal whose only reference is an unknown account id
    is left out.
    """
    references = {signal.id: list_aliases(signal.account) for signal in signals}
    wanted_ids = {account_id for account_id, _ in references.values() if account_id}
    wanted = {alias for _, aliases in references.values() for alias in aliases}
    directory = _look_up(wanted, wanted_ids)
    missing = wanted - directory.known.keys()
    if missing:
        _hold(missing)  # creators of the same alias wait here, then see what the first one made
        directory = _look_up(wanted, wanted_ids)
    resolved: dict[UUID, UUID] = {}
    for signal in signals:
        account_id, aliases = references[signal.id]
        found = directory.find(account_id, aliases)
        if found is None and aliases:
            found = _plan_account(directory, signal.account, now)
        if found is not None:
            resolved[signal.id] = found
            _learn(directory, found, aliases, signal.id, now)
    _store(directory, configs, now)
    return resolved


def _look_up(aliases: set[Alias], account_ids: set[UUID]) -> _Directory:
    rows = AccountAlias.objects.filter(value__in={alias.value for alias in aliases})
    stored = {
        Alias(kind, value): account_id
        for kind, value, account_id in rows.values_list("kind", "value", "account_id")
    }
    ids = (
        set(Account.objects.filter(id__in=account_ids).values_list("id", flat=True)) if account_ids else set()
    )
    return _Directory(known={alias: stored[alias] for alias in aliases & stored.keys()}, ids=ids)


def _hold(aliases: set[Alias]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_ALIASES, [sorted(f"{alias.kind}:{alias.value}" for alias in aliases)])


def _plan_account(directory: _Directory, references: Mapping[str, str], now: datetime) -> UUID:
    account = Account(id=uuid4(), name=display_name(references), created_at=now)
    directory.new_accounts.append(account)
    directory.ids.add(account.id)
    return account.id


def _learn(
    directory: _Directory, account_id: UUID, aliases: Sequence[Alias], signal_id: UUID, now: datetime
) -> None:
    for alias in aliases:
        if alias not in directory.known:
            directory.known[alias] = account_id
            directory.new_aliases.append(
                AccountAlias(
                    account_id=account_id,
                    kind=alias.kind,
                    value=alias.value,
                    source_signal_id=signal_id,
                    created_at=now,
                )
            )


def _store(directory: _Directory, configs: ActiveConfigs, now: datetime) -> None:
    create_accounts(accounts=directory.new_accounts, configs=configs, now=now)
    AccountAlias.objects.bulk_create(
        sorted(directory.new_aliases, key=lambda alias: (alias.kind, alias.value))
    )


def create_accounts(*, accounts: Sequence[Account], configs: ActiveConfigs, now: datetime) -> None:
    """Insert accounts with their empty contexts and audit rows, in the caller's transaction."""
    ordered = sorted(accounts, key=lambda account: account.id)
    Account.objects.bulk_create(ordered)
    AccountContext.objects.bulk_create(
        AccountContext(account_id=account.id, scored_at=now, activation_id=configs.activation_id)
        for account in ordered
    )
    audit.record(
        [
            audit.AuditEntry(
                name="account.created",
                actor="system:context-engine",
                target_type="account",
                target_id=str(account.id),
                account_id=account.id,
                at=now,
            )
            for account in ordered
        ]
    )
