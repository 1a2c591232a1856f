"""The digest and the comparable form are hashes of one canonical document each."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from uuid import UUID

import pytest

from signals.canonical import canonical_json
from signals.contracts import PersonDraft, SignalDraft
from signals.digests import row_digest
from signals.normalization import Catalogue, comparable, normalize

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ID = UUID("01900000-0000-7000-8000-000000000001")


@pytest.mark.parametrize("strength", [1.0, 1.5])
@pytest.mark.parametrize("conflicts_with", [None, ID])
def test_a_digest_is_that_of_the_whole_row(strength, conflicts_with):
    columns = {
        "id": ID,
        "received_at": NOW.astimezone(timezone(timedelta(hours=2))),
        "occurred_at": NOW - timedelta(microseconds=1),
        "source": "web",
        "type": "page_view",
        "account": {"name": 'Müller "& Söhne"', "domain": "a.example"},
        "subject_id": conflicts_with,
        "strength": strength,
        "attributes": {"count": 5.0, "share": 0.25},
        "sealed": b"\x00\xff",
        "schema_version": 1,
        "request_id": "r",
        "conflicts_with": conflicts_with,
    }
    printed = columns | {
        "id": str(ID),
        "received_at": "2026-11-22T12:00:00.000000+00:00",
        "occurred_at": "2026-11-22T11:59:59.999999+00:00",
        "subject_id": str(conflicts_with) if conflicts_with else None,
        "sealed": "00ff",
        "conflicts_with": str(conflicts_with) if conflicts_with else None,
    }
    assert row_digest(SimpleNamespace(**columns)) == hashlib.sha256(canonical_json(printed)).hexdigest()


@pytest.mark.parametrize("person", [None, PersonDraft(email="ada@b.example", name='A "B"')])
def test_the_comparable_form_is_one_canonical_document(person):
    draft = SignalDraft(
        source="web",
        type="page_view",
        external_id='"quoted\\',
        occurred_at=NOW,
        account={"name": "Zürich", "domain": "a.example"},
        person=person,
        attributes={"count": 5.0, "note": "free text"},
        sealed={"b": 1.0, "a": [2.5]},
    )
    signal = normalize(draft, now=NOW, catalogue=Catalogue(types={"page_view": {"count": "number"}}))

    document = json.loads(comparable(signal))

    assert comparable(signal) == canonical_json(document)
    assert set(document) == {
        "account", "attributes", "external_id", "occurred_at", "person", "sealed", "strength", "type",
    }  # fmt: skip
    assert document["account"] == signal.account
    assert document["attributes"] == {"count": 5}
