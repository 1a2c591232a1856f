"""Build what an agent may know of an account: what it must know first, then points per token."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from compliance import consent
from contexts.contracts import (
    ContextPack,
    Contribution,
    PackContact,
    PackDeal,
    PackExclusion,
    PackFact,
    ScoreExplanation,
)
from contexts.evidence import without_erased
from contexts.families import list_members
from contexts.models import LedgerEntry, StoredPack
from contexts.selectors.accounts import get_account, get_account_id, list_contacts
from contexts.selectors.configs import get_active
from contexts.selectors.quality import get_quality
from contexts.selectors.scores import get_score
from revctx.observability.metrics import CONTEXT_QUALITY
from signals.selectors import list_signal_facts, list_types

BYTES_PER_TOKEN = 4  # an estimate; English JSON is a little cheaper
SPENT_BELOW = 0.05  # points
MIN_TOKENS = 200
OPEN_TYPES = ("opportunity_created", "opportunity_stage_changed")
CLOSED_TYPES = ("opportunity_won", "opportunity_lost")


@transaction.atomic
def build_pack(*, account_id: UUID, now: datetime, max_tokens: int = 2000) -> ContextPack:
    """Build and store the pack of an account at `now`; ids and typed facts only.

    The mandatory block is always in; facts follow by points per token while they fit.
    Raises: AccountNotFound.
    """
    account_id = get_account_id(account_id)
    explanation = get_score(account_id=account_id, as_of=now)
    quality = get_quality(account_id=account_id, now=now)
    CONTEXT_QUALITY.observe(quality.score)
    empty = _mandatory(account_id, explanation, quality.score, max_tokens, now)
    pack = _fill(empty, explanation.contributions)
    pack = replace(pack, content_hash=hash_content(pack))
    StoredPack.objects.create(
        id=pack.id,
        account_id=account_id,
        content_hash=pack.content_hash,
        content=pack.to_dict(),
        created_at=now,
    )
    return pack


def _mandatory(
    account_id: UUID, explanation: ScoreExplanation, quality: float, max_tokens: int, now: datetime
) -> ContextPack:
    return ContextPack(
        id=uuid4(),
        content_hash="",
        account_id=account_id,
        account=_account_block(account_id, explanation, quality),
        contacts=_contacts(account_id, now),
        open_deals=_open_deals(account_id, now),
        last_touch=_last_touch(account_id, now),
        facts=(),
        excluded=(),
        tokens=0,
        max_tokens=max_tokens,
        created_at=now,
    )


def hash_content(pack: ContextPack) -> str:
    """Return SHA-256 (hex) of everything in the pack but its id and hash."""
    content = pack.to_dict()
    del content["id"], content["content_hash"]
    return hashlib.sha256(_print(content)).hexdigest()


def _print(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _tokens(content: Any) -> int:
    return -(-len(_print(content)) // BYTES_PER_TOKEN)


def _account_block(account_id: UUID, explanation: ScoreExplanation, quality: float) -> dict[str, Any]:
    account = get_account(account_id)
    return {
        "name": account.name,
        "domain": account.domain,
        "attributes": account.attributes,
        "intent": explanation.intent,
        "fit": explanation.fit,
        "priority": explanation.priority,
        "band": explanation.band,
        "version": explanation.version,
        "damped_by": list(explanation.damped_by),
        "quality": quality,
    }


def _contacts(account_id: UUID, now: datetime) -> tuple[PackContact, ...]:
    people = without_erased(list_contacts(account_id), lambda contact: contact.subject_id)
    decisions = consent.list_status(subject_ids=[person.subject_id for person in people], now=now)
    return tuple(
        PackContact(
            contact_id=person.id,
            subject_id=person.subject_id,
            title_class=person.title_class,
            consent_allowed=decisions[person.subject_id].allowed,
            consent_reason=decisions[person.subject_id].reason,
            consent_revision_id=decisions[person.subject_id].revision_id,
        )
        for person in people
    )


def _open_deals(account_id: UUID, now: datetime) -> tuple[PackDeal, ...]:
    """Return the last stage seen, unless a deal was won or lost after it."""
    entry = (
        LedgerEntry.objects.filter(
            account_id__in=list_members(account_id),
            decay_id=get_active().decay_id,
            type__in=OPEN_TYPES + CLOSED_TYPES,
            occurred_at__lte=now,
        )
        .order_by("-occurred_at", "-id")
        .first()
    )
    if entry is None or entry.type in CLOSED_TYPES:
        return ()
    return (PackDeal(signal_id=entry.signal_id, stage=entry.stage or "created", since=entry.occurred_at),)


def _last_touch(account_id: UUID, now: datetime) -> dict[str, Any] | None:
    entries = LedgerEntry.objects.filter(
        account_id__in=list_members(account_id), decay_id=get_active().decay_id, occurred_at__lte=now
    ).order_by("-occurred_at", "-id")
    newest = without_erased(entries[:20], lambda entry: entry.subject_id)
    if not newest:
        return None
    entry = newest[0]
    return {"signal_id": str(entry.signal_id), "type": entry.type, "at": entry.occurred_at.isoformat()}


def _fill(pack: ContextPack, contributions: Sequence[Contribution]) -> ContextPack:
    """Add facts by points per token while they fit; the strongest stands first and is cited as s1."""
    candidates = [_fact(item) for item in _with_details(contributions) if item[0].points >= SPENT_BELOW]
    excluded = [_exclusion(item, "spent") for item in contributions if item.points < SPENT_BELOW]
    costs = {id(fact): _tokens(_fact_dict(fact)) for fact in candidates}
    used = _tokens(pack.to_dict())
    chosen: list[PackFact] = []
    for fact in sorted(candidates, key=lambda f: (-f.points / costs[id(f)], f.type, str(f.subject_id))):
        if used + costs[id(fact)] <= pack.max_tokens:
            chosen.append(fact)
            used += costs[id(fact)]
        else:
            excluded.append(_exclusion(fact, "over_budget"))
    chosen.sort(key=lambda fact: (-fact.points, fact.type, str(fact.subject_id)))
    named = tuple(replace(fact, ref=f"s{number}") for number, fact in enumerate(chosen, start=1))
    return replace(pack, facts=named, excluded=tuple(excluded), tokens=used)


def _fact_dict(fact: PackFact) -> dict[str, Any]:
    return {
        "signal_ids": [str(signal_id) for signal_id in fact.signal_ids],
        "type": fact.type,
        "label": fact.label,
        "subject_id": str(fact.subject_id),
        "occurred_at": fact.occurred_at.isoformat(),
        "points": fact.points,
        "attributes": fact.attributes,
    }


def _with_details(contributions: Sequence[Contribution]) -> list[tuple[Contribution, str, dict[str, Any]]]:
    labels = {entry.name: entry.label for entry in list_types()}
    newest = [item.signal_ids[0] for item in contributions if item.signal_ids]
    facts = list_signal_facts(signal_ids=newest)
    return [
        (
            item,
            labels.get(item.type, item.type),
            facts[item.signal_ids[0]].attributes if item.signal_ids and item.signal_ids[0] in facts else {},
        )
        for item in contributions
    ]


def _fact(item: tuple[Contribution, str, dict[str, Any]]) -> PackFact:
    contribution, label, attributes = item
    return PackFact(
        ref="",
        signal_ids=contribution.signal_ids,
        signal_count=contribution.signal_count,
        type=contribution.type,
        label=label,
        subject_id=contribution.subject_id,
        occurred_at=contribution.latest_at,
        points=contribution.points,
        attributes=attributes,
    )


def _exclusion(item: Contribution | PackFact, reason: str) -> PackExclusion:
    return PackExclusion(
        type=item.type,
        subject_id=item.subject_id,
        signal_count=item.signal_count,
        points=item.points,
        reason=reason,
    )
