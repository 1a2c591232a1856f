"""Which account a signal speaks of: CRM id, then domain, then external id, then the name as given."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from compliance import audit, subjects
from contexts.aliases import PRECEDENCE, Alias, list_aliases, normalize_alias
from contexts.contracts import ActiveConfigs
from contexts.models import Account, AccountAlias, AccountContext
from contexts.services.candidates import ACTOR, note_matches
from contexts.services.directory import Directory, ask_directory, hold_aliases
from revctx.statements import Answer
from signals.contracts import ScorableSignal


class Namesakes(NamedTuple):
    """Signals that name an account by the same references, the first received before the others."""

    references: Mapping[str, str]
    account_id: UUID | None
    aliases: list[Alias]
    signals: list[ScorableSignal]


class Resolved(NamedTuple):
    """Signal id → account id; and of these accounts the survivors, as of `families.find_roots`."""

    account_of: dict[UUID, UUID]
    roots: dict[UUID, UUID]


def ask_names(signals: Sequence[ScorableSignal]) -> Answer[Directory]:
    """Ask which accounts the references of signals name."""
    return _ask(_group(signals))


def resolve_accounts(
    *,
    signals: Sequence[ScorableSignal],
    configs: ActiveConfigs,
    now: datetime,
    directory: Directory | None = None,
) -> Resolved:
    """Return the accounts of signals, creating them and learning aliases; in the caller's transaction.

    References of one signal name one account: what is not known yet becomes an alias of the account
    found, and never moves away from another one. Two CRM ids that share a domain stay two accounts, and
    go on the review list. Where no reference is known and the CRM says nothing, the domain of the person's
    address decides, if it is an account's already. A signal whose only reference is an unknown account id
    is left out. `directory` is what `ask_names` gave for these signals, or more, in this transaction.
    """
    groups = _group(signals)
    directory = _hold_unknown(groups, directory or _ask(groups).get())
    hints = _list_hints(groups, directory, now)
    resolved: dict[UUID, UUID] = {}
    for group in sorted(groups, key=_telling):
        # The first one teaches the directory all that the others could: they find what it has found.
        first = group.signals[0]
        found = directory.find(group.account_id, group.aliases)
        if found is None and first.id in hints:
            found = directory.find(None, group.aliases, hint=hints[first.id])
        if found is None and group.aliases:
            found = directory.plan_account(group.references, now)
        if found is not None:
            directory.learn(found, group.aliases, first.id, now)
            directory.note_others(found, group.aliases, first.id)
            resolved |= dict.fromkeys([signal.id for signal in group.signals], found)
    _store(directory, configs, now)
    note_matches(matches=directory.matches.values(), now=now)
    return Resolved(resolved, directory.roots)


def _group(signals: Sequence[ScorableSignal]) -> list[Namesakes]:
    groups: dict[tuple[tuple[str, str], ...], Namesakes] = {}
    for signal in signals:
        key = tuple(signal.account.items())
        if key not in groups:
            groups[key] = Namesakes(signal.account, *list_aliases(signal.account), [])
        groups[key].signals.append(signal)
    for group in groups.values():
        group.signals.sort(key=_receipt)
    return list(groups.values())


def _receipt(signal: ScorableSignal) -> tuple[datetime, int]:
    return signal.received_at, signal.id.int


def _list_hints(groups: Sequence[Namesakes], directory: Directory, now: datetime) -> dict[UUID, Alias]:
    """Return the e-mail domains of those whose references lead nowhere, where they are accounts' domains.

    Only these addresses are opened, in one audited call.
    """
    lost = {
        signal.id: signal.subject_id
        for group in groups
        if group.aliases and "crm_id" not in group.references
        if directory.find(group.account_id, group.aliases) is None
        for signal in group.signals
        if signal.subject_id is not None
    }
    domains = subjects.list_domains(subject_ids=set(lost.values()), actor=ACTOR, now=now)
    asked = {
        signal_id: Alias("domain", normalize_alias("domain", domains[subject_id]))
        for signal_id, subject_id in lost.items()
        if subject_id in domains
    }
    if not asked:
        return {}
    found = ask_directory(set(asked.values())).get()
    directory.add(found)
    return {signal_id: alias for signal_id, alias in asked.items() if alias in found.known}


def _telling(group: Namesakes) -> tuple[int, int, datetime, int]:
    """Sort signals with more and stronger references first, so that they join what the others name."""
    strongest = PRECEDENCE.index(group.aliases[0].kind) if group.aliases else len(PRECEDENCE)
    return -len(group.aliases), strongest, *_receipt(group.signals[0])


def _ask(groups: Sequence[Namesakes]) -> Answer[Directory]:
    aliases = {alias for group in groups for alias in group.aliases}
    return ask_directory(aliases, {group.account_id for group in groups if group.account_id})


def _hold_unknown(groups: Sequence[Namesakes], directory: Directory) -> Directory:
    """Have creators of the same aliases wait for each other, then see what the first one made."""
    unknown = [group for group in groups if not directory.known.keys() >= set(group.aliases)]
    if not unknown:
        return directory
    hold_aliases({alias for group in unknown for alias in group.aliases})
    return _ask(groups).get()


def _store(directory: Directory, configs: ActiveConfigs, now: datetime) -> None:
    if directory.new_accounts:
        create_accounts(accounts=directory.new_accounts, configs=configs, now=now)
    if directory.new_aliases:
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
