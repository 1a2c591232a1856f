"""Which account a signal speaks of: CRM id, then domain, then external id, then the name as given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from django.db import connection

from compliance import audit, subjects
from contexts.aliases import PRECEDENCE, Alias, display_name, list_aliases, normalize_alias
from contexts.contracts import ActiveConfigs
from contexts.models import Account, AccountAlias, AccountContext
from contexts.services.candidates import ACTOR, Match, note_matches
from signals.contracts import ScorableSignal

_HOLD_ALIASES = """
SELECT pg_advisory_xact_lock(hashtextextended(alias, 7265003))
FROM unnest(%s::text[]) AS alias
"""


# A known weaker reference names no account that has another value of these kinds already.
EXCLUSIVE_KINDS = {"crm_id": ("domain", "external_id", "name"), "domain": ("name",)}


@dataclass
class _Directory:
    """Aliases known so far in this transaction, stored or about to be."""

    known: dict[Alias, UUID]
    ids: set[UUID]
    taken: dict[UUID, set[str]]  # per account the exclusive kinds that it has a value of
    new_accounts: list[Account] = field(default_factory=list)
    new_aliases: list[AccountAlias] = field(default_factory=list)
    matches: dict[tuple[UUID, UUID], Match] = field(default_factory=dict)

    def find(
        self, account_id: UUID | None, aliases: Sequence[Alias], *, hint: Alias | None = None
    ) -> UUID | None:
        """Return the account of the strongest reference (or of the hint) that is known, not contradicted."""
        if account_id in self.ids:
            return account_id
        for alias in aliases if hint is None else [hint]:
            owner = self.known.get(alias)
            if owner is not None and not self._is_contradicted(owner, alias, aliases):
                return owner
        return None

    def note_others(self, found: UUID, aliases: Sequence[Alias], signal_id: UUID) -> None:
        """Remember the other accounts that the references of a signal lead to."""
        for alias in aliases:
            other = self.known.get(alias)
            # Namesakes are common, so a name that leads elsewhere says nothing.
            if other is not None and other != found and alias.kind != "name":
                both = "crm_id" in self.taken.get(found, ()) and "crm_id" in self.taken.get(other, ())
                reason = "two_crm_ids" if both else "shared_reference"
                self.matches.setdefault((found, other), Match(found, other, reason, signal_id))

    def _is_contradicted(self, owner: UUID, alias: Alias, aliases: Sequence[Alias]) -> bool:
        return any(
            alias.kind in EXCLUSIVE_KINDS.get(other.kind, ())
            and other.kind in self.taken.get(owner, ())
            and self.known.get(other) != owner
            for other in aliases
        )


def resolve_accounts(
    *, signals: Sequence[ScorableSignal], configs: ActiveConfigs, now: datetime
) -> dict[UUID, UUID]:
    """Return signal id → account id, creating accounts and learning aliases; in the caller's transaction.

    References of one signal name one account: what is not known yet becomes an alias of the account
    found, and never moves away from another one. Two CRM ids that share a domain stay two accounts, and
    go on the review list. Where no reference is known and the CRM says nothing, the domain of the person's
    address decides, if it is an account's already. A signal whose only reference is an unknown account id
    is left out.
    """
    references = {signal.id: list_aliases(signal.account) for signal in signals}
    directory = _look_up_or_hold(references)
    hints = _list_hints(signals, references, directory, now)
    resolved: dict[UUID, UUID] = {}
    for signal in sorted(signals, key=lambda signal: _telling(references[signal.id][1], signal)):
        account_id, aliases = references[signal.id]
        found = directory.find(account_id, aliases)
        if found is None and signal.id in hints:
            found = directory.find(None, aliases, hint=hints[signal.id])
        if found is None and aliases:
            found = _plan_account(directory, signal.account, now)
        if found is not None:
            resolved[signal.id] = found
            _learn(directory, found, aliases, signal.id, now)
            directory.note_others(found, aliases, signal.id)
    _store(directory, configs, now)
    note_matches(matches=directory.matches.values(), now=now)
    return resolved


def _list_hints(
    signals: Sequence[ScorableSignal],
    references: Mapping[UUID, tuple[UUID | None, list[Alias]]],
    directory: _Directory,
    now: datetime,
) -> dict[UUID, Alias]:
    """Return the e-mail domains of those whose references lead nowhere, where they are accounts' domains.

    Only these addresses are opened, in one audited call.
    """
    lost = {
        signal.id: signal.subject_id
        for signal in signals
        if signal.subject_id is not None
        and "crm_id" not in signal.account
        and references[signal.id][1]
        and directory.find(*references[signal.id]) is None
    }
    domains = subjects.list_domains(subject_ids=set(lost.values()), actor=ACTOR, now=now)
    asked = {
        signal_id: Alias("domain", normalize_alias("domain", domains[subject_id]))
        for signal_id, subject_id in lost.items()
        if subject_id in domains
    }
    found = _look_up(set(asked.values()), set())
    directory.known.update(found.known)
    for owner, kinds in found.taken.items():
        directory.taken.setdefault(owner, set()).update(kinds)
    return {signal_id: alias for signal_id, alias in asked.items() if alias in found.known}


def _telling(aliases: Sequence[Alias], signal: ScorableSignal) -> tuple[int, int, datetime, UUID]:
    """Sort signals with more and stronger references first, so that they join what the others name."""
    strongest = PRECEDENCE.index(aliases[0].kind) if aliases else len(PRECEDENCE)
    return -len(aliases), strongest, signal.received_at, signal.id


def _look_up_or_hold(references: Mapping[UUID, tuple[UUID | None, list[Alias]]]) -> _Directory:
    """Look aliases up; creators of the same ones wait for each other, then see what the first one made."""
    wanted_ids = {account_id for account_id, _ in references.values() if account_id}
    wanted = {alias for _, aliases in references.values() for alias in aliases}
    directory = _look_up(wanted, wanted_ids)
    incomplete = [aliases for _, aliases in references.values() if not directory.known.keys() >= set(aliases)]
    if not incomplete:
        return directory
    held = sorted({f"{alias.kind}:{alias.value}" for aliases in incomplete for alias in aliases})
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_ALIASES, [held])
    return _look_up(wanted, wanted_ids)


def _look_up(aliases: set[Alias], account_ids: set[UUID]) -> _Directory:
    rows = AccountAlias.objects.filter(value__in={alias.value for alias in aliases})
    stored = {
        Alias(kind, value): owner for kind, value, owner in rows.values_list("kind", "value", "account_id")
    }
    known = {alias: stored[alias] for alias in aliases & stored.keys()}
    ids = (
        set(Account.objects.filter(id__in=account_ids).values_list("id", flat=True)) if account_ids else set()
    )
    exclusive = AccountAlias.objects.filter(account_id__in={*known.values(), *ids}, kind__in=EXCLUSIVE_KINDS)
    taken: dict[UUID, set[str]] = {}
    for owner, kind in exclusive.values_list("account_id", "kind"):
        taken.setdefault(owner, set()).add(kind)
    return _Directory(known=known, ids=ids, taken=taken)


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
            directory.taken.setdefault(account_id, set()).add(alias.kind)
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
                actor=ACTOR,
                target_type="account",
                target_id=str(account.id),
                account_id=account.id,
                at=now,
            )
            for account in ordered
        ]
    )
