"""Packs, drafts and letters for tests."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import factory

from contexts.contracts import ContextPack, PackContact, PackFact
from orchestration.agents.schema import Abstention, DraftV1, Reason, Sentence
from orchestration.contracts import Span
from orchestration.rendering import Letter, render_email

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday


class PackFactFactory(factory.Factory):
    class Meta:
        model = PackFact

    ref = factory.Sequence(lambda n: f"s{n + 1}")
    signal_ids = factory.LazyFunction(lambda: (uuid4(),))
    signal_count = 1
    type = "pricing_page_view"
    label = "Pricing page viewed"
    subject_id = factory.LazyFunction(uuid4)
    occurred_at = NOON
    points = 25.0
    attributes = factory.Dict({})


class PackContactFactory(factory.Factory):
    class Meta:
        model = PackContact

    contact_id = factory.LazyFunction(uuid4)
    subject_id = factory.LazyFunction(uuid4)
    title_class = "director"
    consent_allowed = True
    consent_reason = "allowed"
    consent_revision_id = factory.LazyFunction(uuid4)


class ContextPackFactory(factory.Factory):
    class Meta:
        model = ContextPack

    id = factory.LazyFunction(uuid4)
    content_hash = factory.LazyFunction(lambda: uuid4().hex * 2)
    account_id = factory.LazyFunction(uuid4)
    account = factory.LazyFunction(
        lambda: {
            "name": "Northwind Traders",
            "domain": "northwind.example",
            "attributes": {"industry": "retail", "employees": 820},
            "intent": 82.0,
            "fit": 0.9,
            "band": "hot",
        }
    )
    contacts = factory.LazyFunction(lambda: (PackContactFactory(),))
    open_deals = ()
    last_touch = None
    facts = factory.LazyFunction(lambda: (PackFactFactory(ref="s1"),))
    excluded = ()
    tokens = 200
    max_tokens = 2000
    created_at = NOON


def make_pack(*facts: dict[str, Any]) -> ContextPack:
    """Return a pack with these facts, cited as s1, s2, …"""
    made = tuple(PackFactFactory(ref=f"s{n}", **fact) for n, fact in enumerate(facts, start=1))
    return ContextPackFactory(facts=made)


def make_draft(**changes: Any) -> DraftV1:
    """Return a draft about one pricing fact that passes every check, unless changed."""
    sentences = [
        Sentence(
            paragraph=1,
            kind="claim",
            text="Plans and costs have come up on your side recently, on 18 November, "
            "so it may help to have clear answers at hand before the next conversation.",
            signal_ids=["s1"],
        ),
        Sentence(
            paragraph=2,
            kind="value",
            text="I can write down what each plan includes and what drives its cost, "
            "on a single page that is easy to pass on to a colleague.",
            signal_ids=["s1"],
        ),
        Sentence(
            paragraph=3,
            kind="question",
            text="Which part of the pricing would you like me to explain first?",
            signal_ids=[],
        ),
    ]
    fields: dict[str, Any] = {
        "angle": "pricing",
        "subject": "Your questions about plans and costs",
        "sentences": sentences,
        "rationale": [Reason(point="Pricing was viewed on 18 November.", signal_ids=["s1"])],
        "risk_flags": [],
        "self_confidence": 0.7,
        "abstain": Abstention(flag=False, reason=""),
    }
    return DraftV1(**fields | changes)


def make_letter(**changes: Any) -> Letter:
    """Return a rendered letter."""
    fields: dict[str, Any] = {
        "subject": "Your questions",
        "paragraphs": [[Span(text="Plans came up on 18 November.", refs=("s1",), kind="claim")]],
        "recipient": str(uuid4()),
        "recipient_name": "Dana Reyes",
        "sender_name": "Mia",
        "consented_at": NOON,
        "unsubscribe_url": "http://revctx.test/api/unsubscribe/token",
        "salt": bytes(32),
    }
    return render_email(**fields | changes)
