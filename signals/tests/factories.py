"""Drafts for tests."""

from datetime import UTC, datetime, timedelta

import factory

from signals.contracts import PersonDraft, SignalDraft


def _an_hour_ago() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


class PersonDraftFactory(factory.Factory):
    class Meta:
        model = PersonDraft

    email = factory.Sequence(lambda n: f"buyer{n}@customer.test")
    name = "Ada Buyer"
    title = "Head of Purchasing"


class SignalDraftFactory(factory.Factory):
    class Meta:
        model = SignalDraft

    source = "web"
    type = "pricing_page_view"
    external_id = factory.Sequence(lambda n: f"event-{n}")
    occurred_at = factory.LazyFunction(_an_hour_ago)
    account = factory.Sequence(lambda n: {"crm_id": f"account-{n}"})
    person = None

    class Params:
        with_person = factory.Trait(person=factory.SubFactory(PersonDraftFactory))
