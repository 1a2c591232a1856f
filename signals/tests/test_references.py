"""References: signals about one thing find each other, and nobody reads which thing it is."""

from datetime import UTC, datetime

import pytest

from signals.contracts import SignalDraft
from signals.models import Signal
from signals.normalization import Catalogue, comparable, normalize
from signals.references import make_references
from signals.services.ingest import ingest_signals
from signals.tests.factories import SignalDraftFactory

KEY, KINDS = b"k" * 32, {"opportunity": "reference", "stage": "code:stage"}


def refer(draft: SignalDraft, key: bytes = KEY) -> str | None:
    return make_references(draft, kinds=KINDS, key=key).get("opportunity")


def make(external_id: str = "006A", **fields) -> SignalDraft:
    return SignalDraftFactory(type="opportunity_won", source="crm", external_id=external_id, **fields)


def test_one_thing_has_one_reference_however_it_is_named():
    by_id = refer(make())

    assert by_id == refer(make("event-7", attributes={"opportunity": "006A"}))
    assert len(by_id) == 24
    assert by_id not in {refer(make("006B")), refer(make(), b"j" * 32)}


@pytest.mark.parametrize("draft", [make("jo@acme.example"), make("e-1", attributes={"opportunity": ""})])
def test_what_may_be_an_address_or_is_empty_names_nothing(draft):
    assert refer(draft) is None


def test_without_a_key_there_is_none_and_a_reference_is_no_part_of_the_comparison():
    draft = make()
    plain, keyed = (
        normalize(
            draft,
            now=datetime.now(UTC),
            catalogue=Catalogue(types={"opportunity_won": KINDS}, reference_key=key),
        )
        for key in (b"", KEY)
    )

    assert (plain.attributes, plain.attributes_json) == ({}, "{}")
    assert set(keyed.attributes) == {"opportunity"}
    assert comparable(plain) == comparable(keyed)


@pytest.mark.django_db
def test_the_text_itself_stays_sealed():
    ingest_signals(
        drafts=[make("event-8", attributes={"opportunity": "006-secret"})],
        actor="system:test",
        now=datetime.now(UTC),
    )

    row = Signal.objects.get()
    assert set(row.attributes) == {"opportunity"}
    assert "secret" not in str(row.attributes)
