"""What a signal says about accounts, people, opportunities and technologies. Pure: no model is asked.

works_at          person → account. Closed by a signal of the person at another account, or a hard bounce.
has_opportunity   account → opportunity, from its creation or first stage. Closed when it is won or lost.
stage_is          opportunity → stage. Closed by the next stage.
uses              account → technology or product: adopted, used, tried, bought. Closed by a count of 0.
hired_for         account → role of a job posting. Closed by a posting with a count of 0.
touched_by        person, else account → signal, or action that was sent. Closed by the next of its kind, by
                  unsubscribing, and by a hard bounce.
proposed_for      action → account, from the draft on. Closed by the decision.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contexts.graph import Fact

DEALS = ("opportunity_created", "opportunity_stage_changed", "opportunity_won", "opportunity_lost")
USES = ("technology_adopted", "product_usage", "trial_started")
ENDINGS = ("email_bounced", "unsubscribed")
# What holds until it is contradicted, however long ago it was said; an index on the ledger lists just these.
LASTING = (*DEALS, "technology_adopted", "trial_started", "job_posting", *ENDINGS)
# Signals whose attributes say more than that they happened.
TELLING = (*LASTING, "product_usage")
_SILENT = {*ENDINGS, "account_merged", "contact_merged"}
_CLOSED_STAGES = {"opportunity_won": "closed_won", "opportunity_lost": "closed_lost"}


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A signal that counted; account and person are those that they count for."""

    signal_id: UUID
    type: str
    account_id: UUID
    person_id: UUID | None
    at: datetime
    recorded_at: datetime
    attributes: Mapping[str, Any]

    @property
    def account(self) -> str:
        """Return the account's node."""
        return f"account:{self.account_id}"

    @property
    def who(self) -> str:
        """Return the node of the person, else of the account."""
        return f"person:{self.person_id}" if self.person_id else self.account

    @property
    def opportunity(self) -> str:
        """Return the opportunity's node; those that no source tells apart are one an account."""
        return f"opportunity:{self.attributes.get('opportunity') or self.account_id}"

    @property
    def stage(self) -> str:
        """Return the stage of the opportunity that the signal tells; '' for none."""
        return str(self.attributes.get("stage") or _CLOSED_STAGES.get(self.type, ""))

    @property
    def closes(self) -> bool:
        """Tell whether the opportunity is over with this signal, by its type or its stage."""
        return self.type in _CLOSED_STAGES or self.stage in _CLOSED_STAGES.values()


@dataclass(frozen=True, kw_only=True)
class ActionSeen:
    """What another app did, or means to do, about an account; `signal_ids` are what it rests on."""

    id: UUID
    kind: str
    state: str
    account_id: UUID
    subject_id: UUID | None
    proposed_at: datetime
    decided_at: datetime | None
    executed_at: datetime | None
    signal_ids: tuple[UUID, ...]


def read_facts(observations: Sequence[Observation]) -> Iterator[Fact]:
    """Return what signals say, in any order."""
    for seen in observations:
        if seen.type in DEALS:
            yield from _read_deal(seen)
        elif seen.type in USES or seen.type == "job_posting":
            yield from _read_use(seen)
        if seen.person_id and not _is_hard_bounce(seen):
            yield _fact(seen, ("works_at", seen.who), "works_at", seen.who, seen.account)
        if seen.type not in _SILENT:
            slot = ("touched_by", seen.who, seen.account, seen.type)
            yield _fact(seen, slot, "touched_by", seen.who, f"signal:{seen.signal_id}")
    yield from _read_endings(observations)


def find_open_deals(observations: Iterable[Observation]) -> list[tuple[Observation, str]]:
    """Return the newest signal of each opportunity that is open, and the stage it is in, the newest first.

    Open is what `has_opportunity` holds of after the last signal, each opportunity by itself.
    """
    told: dict[str, tuple[Observation, str]] = {}
    deals = (seen for seen in observations if seen.type in DEALS)
    for seen in sorted(deals, key=lambda seen: (seen.at, seen.recorded_at, seen.signal_id)):
        _, before = told.get(seen.opportunity, (None, ""))
        told[seen.opportunity] = seen, seen.stage or before
    still = [(seen, stage) for seen, stage in told.values() if not seen.closes]
    return sorted(still, key=lambda found: (found[0].at, found[0].signal_id), reverse=True)


def read_actions(
    actions: Iterable[ActionSeen], *, accounts: Mapping[UUID, UUID], persons: Mapping[UUID, UUID]
) -> Iterator[Fact]:
    """Return what actions say; `accounts` and `persons` name whom the merged ones count for."""
    for action in actions:
        account = f"account:{accounts.get(action.account_id, action.account_id)}"
        node, who = f"action:{action.id}", account
        if action.subject_id:
            who = f"person:{persons.get(action.subject_id, action.subject_id)}"
        moments = [("proposed_for", node, account, action.proposed_at)]
        if action.decided_at is not None:
            moments.append(("proposed_for", node, "", action.decided_at))
        if action.executed_at is not None:
            moments.append(("touched_by", who, node, action.executed_at))
        for relation, source, target, at in moments:
            yield Fact(
                slot=("touched_by", who, account, "action") if relation == "touched_by" else (relation, node),
                relation=relation,
                source=source,
                target=target,
                at=at,
                recorded_at=at,
                signal_ids=action.signal_ids,
            )


def _fact(seen: Observation, slot: tuple[str, ...], relation: str, source: str, target: str) -> Fact:
    return Fact(
        slot=slot,
        relation=relation,
        source=source,
        target=target,
        at=seen.at,
        recorded_at=seen.recorded_at,
        signal_ids=(seen.signal_id,),
    )


def _read_deal(seen: Observation) -> Iterator[Fact]:
    deal, stage = seen.opportunity, seen.stage
    slot = ("has_opportunity", deal)
    yield _fact(seen, slot, "has_opportunity", seen.account, "" if seen.closes else deal)
    if stage:
        yield _fact(seen, ("stage_is", deal), "stage_is", deal, f"stage:{stage}")
    product = seen.attributes.get("product")
    if seen.type == "opportunity_won" and product:
        node = f"product:{product}"
        yield _fact(seen, ("uses", seen.account, node), "uses", seen.account, node)


def _read_use(seen: Observation) -> Iterator[Fact]:
    attributes = seen.attributes
    relation = "uses"
    if seen.type == "job_posting":
        relation, node = "hired_for", f"role:{attributes.get('role') or 'unnamed'}"
    elif seen.type == "technology_adopted":
        node = f"technology:{attributes.get('technology') or 'unnamed'}"
    else:
        node = "product:own"
    is_over = 0 in (attributes.get("count"), attributes.get("active_users"))
    yield _fact(seen, (relation, seen.account, node), relation, seen.account, "" if is_over else node)


def _read_endings(observations: Sequence[Observation]) -> Iterator[Fact]:
    """Return what closes the touches of a person, and where they work."""
    endings = [seen for seen in observations if seen.person_id and _ends_touches(seen)]
    whose = {seen.who for seen in endings}
    kinds: dict[str, set[tuple[str, str]]] = {}
    for seen in observations:
        if seen.who in whose and seen.type not in _SILENT:
            kinds.setdefault(seen.who, set()).add((seen.account, seen.type))
    for ending in endings:
        for account, kind in sorted({*kinds.get(ending.who, ()), (ending.account, "action")}):
            yield _fact(ending, ("touched_by", ending.who, account, kind), "touched_by", ending.who, "")
        if _is_hard_bounce(ending):
            yield _fact(ending, ("works_at", ending.who), "works_at", ending.who, "")


def _ends_touches(seen: Observation) -> bool:
    return seen.type == "unsubscribed" or _is_hard_bounce(seen)


def _is_hard_bounce(seen: Observation) -> bool:
    return seen.type == "email_bounced" and seen.attributes.get("hard") is True
