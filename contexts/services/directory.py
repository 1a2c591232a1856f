"""Who is known by which name: the accounts that references lead to, and what is being learnt of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from contexts.aliases import Alias, display_name
from contexts.models import Account, AccountAlias
from contexts.services.candidates import Match
from revctx.arrays import to_array
from revctx.statements import Answer, Rows, ask_prepared, run_prepared

_HOLD_ALIASES = """
SELECT pg_advisory_xact_lock(hashtextextended(alias, 7265003))
FROM unnest(%s::text[]) AS alias
"""
# Accounts by alias and by id, each with the one that it is merged into and the exclusive kinds that it has.
_LOOK_UP = """
WITH found(kind, value, account_id) AS (
    SELECT a.kind, a.value, a.account_id
    FROM unnest(%s::text[], %s::text[]) AS w(kind, value)
    JOIN contexts_accountalias a ON a.kind = w.kind AND a.value = w.value
  UNION ALL
    SELECT '', '', unnest(%s::uuid[])
)
SELECT f.kind, f.value, c.id, c.merged_into_id, ARRAY(
    SELECT e.kind FROM contexts_accountalias e WHERE e.account_id = c.id AND e.kind = ANY(%s::text[]))
FROM found f JOIN contexts_account c ON c.id = f.account_id
"""


# A known weaker reference names no account that has another value of these kinds already.
EXCLUSIVE_KINDS = {"crm_id": ("domain", "external_id", "name"), "domain": ("name",)}


@dataclass
class Directory:
    """Aliases known so far in this transaction, stored or about to be; `roots` as of `find_roots`."""

    known: dict[Alias, UUID]
    ids: set[UUID]
    taken: dict[UUID, set[str]]  # per account the exclusive kinds that it has a value of
    roots: dict[UUID, UUID] = field(default_factory=dict)
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

    def plan_account(self, references: Mapping[str, str], now: datetime) -> UUID:
        """Have an account created for what the references name."""
        account = Account(id=uuid4(), name=display_name(references), created_at=now)
        self.new_accounts.append(account)
        self.ids.add(account.id)
        return account.id

    def learn(self, account_id: UUID, aliases: Sequence[Alias], signal_id: UUID, now: datetime) -> None:
        """Have those of the aliases that nobody knows name the account."""
        for alias in aliases:
            if alias not in self.known:
                self.known[alias] = account_id
                self.taken.setdefault(account_id, set()).add(alias.kind)
                self.new_aliases.append(
                    AccountAlias(
                        account_id=account_id,
                        kind=alias.kind,
                        value=alias.value,
                        source_signal_id=signal_id,
                        created_at=now,
                    )
                )

    def add(self, other: "Directory") -> None:
        """Take up what another look-up found."""
        self.known.update(other.known)
        self.roots.update(other.roots)
        for owner, kinds in other.taken.items():
            self.taken.setdefault(owner, set()).update(kinds)

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


def ask_directory(aliases: Collection[Alias], account_ids: Collection[UUID] = ()) -> Answer[Directory]:
    """Ask which accounts these aliases and ids name."""
    columns = [alias.kind for alias in aliases], [alias.value for alias in aliases], account_ids
    return ask_prepared(_LOOK_UP, [*map(to_array, columns), to_array(EXCLUSIVE_KINDS)], _make_directory)


def hold_aliases(aliases: Collection[Alias]) -> None:
    """Have others who would create the same aliases wait until the caller's transaction ends."""
    run_prepared(_HOLD_ALIASES, [to_array(sorted(f"{alias.kind}:{alias.value}" for alias in aliases))])


def _make_directory(rows: Rows) -> Directory:
    directory = Directory(known={}, ids=set(), taken={})
    for kind, value, account_id, survivor_id, exclusive in rows:
        if kind:
            directory.known[Alias(kind, value)] = account_id
        else:
            directory.ids.add(account_id)
        directory.taken[account_id] = set(exclusive)
        if survivor_id is not None:
            directory.roots[account_id] = survivor_id
    return directory
