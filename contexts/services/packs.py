"""Build what an agent may know of an account: what it must know first, then value per token."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from contexts.contracts import ContextPack, Contribution, PackContact, PackExclusion, PackFact
from contexts.models import StoredPack
from contexts.pack_content import hash_content, to_stored
from contexts.packing import Candidate, age_hours, choose, measure_worth
from contexts.prompts import cost_of_contact, cost_of_fact, count_tokens, name_persons
from contexts.selectors.accounts import get_account_id
from contexts.selectors.quality import get_quality
from contexts.selectors.scores import get_score
from contexts.services.pack_blocks import describe_account, find_last_touch, list_open_deals, list_people
from revctx.observability.metrics import CONTEXT_QUALITY
from signals.selectors import list_signal_facts, list_types

SPENT_BELOW = 0.05  # points
MIN_TOKENS = 200


class PackTooSmall(Exception):
    """The account, its open deals and its last touch alone take more than the budget.

    Args:
        needed: the tokens that they take.
    """

    def __init__(self, needed: int) -> None:
        """Keep the number."""
        super().__init__(f"the mandatory block takes {needed} tokens")
        self.needed = needed


@transaction.atomic
def build_pack(*, account_id: UUID, now: datetime, max_tokens: int = 2000) -> ContextPack:
    """Build and store the pack of an account at `now`; ids and typed facts only.

    The same evidence at the same `now` gives the same hash. Raises: AccountNotFound, PackTooSmall.
    """
    account_id = get_account_id(account_id)
    explanation = get_score(account_id=account_id, as_of=now)
    quality = get_quality(account_id=account_id, now=now)
    CONTEXT_QUALITY.observe(quality.score)
    empty = ContextPack(
        id=uuid4(),
        content_hash="",
        account_id=account_id,
        account=describe_account(account_id, explanation, quality.score),
        contacts=(),
        open_deals=list_open_deals(account_id, now=now),
        last_touch=find_last_touch(account_id, now=now),
        facts=(),
        excluded=(),
        tokens=0,
        max_tokens=max_tokens,
        created_at=now,
    )
    pack = _add_facts(_add_people(empty, list_people(account_id, now=now)), explanation.contributions)
    pack = replace(pack, tokens=count_tokens(pack))
    pack = replace(pack, content_hash=hash_content(pack))
    StoredPack.objects.create(
        id=pack.id,
        account_id=account_id,
        content_hash=pack.content_hash,
        content=to_stored(pack),
        created_at=now,
    )
    return pack


def _add_people(pack: ContextPack, people: Sequence[PackContact]) -> ContextPack:
    """Add people with their consent; they may take half of what the rest of the mandatory block leaves.

    Raises: PackTooSmall.
    """
    needed = count_tokens(pack)
    if needed > pack.max_tokens:
        raise PackTooSmall(needed)
    remaining = (pack.max_tokens - needed) // 2
    chosen: list[PackContact] = []
    for person in people:
        remaining -= cost_of_contact(person)
        if remaining < 0:
            break
        chosen.append(person)
    left = tuple(
        PackExclusion(
            type="contact",
            subject_id=person.subject_id,
            signal_count=0,
            points=0.0,
            reason="over_budget",
            tokens=cost_of_contact(person),
        )
        for person in people[len(chosen) :]
    )
    return replace(pack, contacts=tuple(chosen), excluded=left)


def _add_facts(pack: ContextPack, contributions: Sequence[Contribution]) -> ContextPack:
    """Add facts by value per token while they fit; the strongest stands first and is cited as s1."""
    facts = _list_facts(pack, [item for item in contributions if item.points >= SPENT_BELOW])
    by_key = {(fact.type, str(fact.subject_id)): fact for fact in facts}
    chosen, left = choose(
        (Candidate(key=key, value=fact.value, tokens=fact.tokens) for key, fact in by_key.items()),
        budget=pack.max_tokens - count_tokens(pack),
    )
    inside = sorted(
        (by_key[item.key] for item in chosen),
        key=lambda fact: (-fact.points, fact.type, str(fact.subject_id)),
    )
    named = tuple(replace(fact, ref=f"s{number}") for number, fact in enumerate(inside, start=1))
    spent = [item for item in contributions if item.points < SPENT_BELOW]
    excluded = (
        *pack.excluded,
        *(_exclude(item, "spent") for item in spent),
        *(_exclude(by_key[item.key], "over_budget") for item in left),
    )
    return replace(pack, facts=named, excluded=excluded)


def _list_facts(pack: ContextPack, contributions: Sequence[Contribution]) -> list[PackFact]:
    labels = {entry.name: entry.label for entry in list_types()}
    roles = {contact.subject_id: contact.title_class for contact in pack.contacts}
    persons = name_persons(pack.contacts)
    attributes = _read_attributes(contributions)
    total = sum(item.points for item in contributions)
    facts = []
    for item in contributions:
        worth = measure_worth(
            points=item.points,
            total=total,
            age_hours=age_hours(item.latest_at, pack.created_at),
            role=roles.get(item.subject_id) if item.subject_id else None,
        )
        fact = PackFact(
            ref="",
            signal_ids=item.signal_ids,
            signal_count=item.signal_count,
            type=item.type,
            label=labels.get(item.type, item.type),
            subject_id=item.subject_id,
            occurred_at=item.latest_at,
            points=item.points,
            attributes=attributes.get(item.signal_ids[0], {}) if item.signal_ids else {},
            value=worth.value,
            reason=worth.reason,
        )
        facts.append(replace(fact, tokens=cost_of_fact(fact, persons)))
    return facts


def _read_attributes(contributions: Iterable[Contribution]) -> Mapping[UUID, dict[str, Any]]:
    newest = [item.signal_ids[0] for item in contributions if item.signal_ids]
    return {pk: fact.attributes for pk, fact in list_signal_facts(signal_ids=newest).items()}


def _exclude(item: Contribution | PackFact, reason: str) -> PackExclusion:
    return PackExclusion(
        type=item.type,
        subject_id=item.subject_id,
        signal_count=item.signal_count,
        points=item.points,
        reason=reason,
        value=item.value if isinstance(item, PackFact) else 0.0,
        tokens=item.tokens if isinstance(item, PackFact) else 0,
    )
