import json
from datetime import UTC, datetime

import pytest

from compliance import erasure, subjects
from signals.addresses import MAX_PERSONS
from signals.models import QuarantinedPayload
from signals.services.quarantine import quarantine

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
ADA, BO = "ada@northwind.example", "bo@northwind.example"


def keep(body):
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    payload_id = quarantine(source="salesforce", reason="missing_id", payload=payload, now=NOW)
    return QuarantinedPayload.objects.get(id=payload_id)


def opened(row, owner):
    items = [(owner, bytes(row.sealed), row.id.bytes)]
    return subjects.open_sealed(items=items, actor="user:1", purpose="test", now=NOW)[0]


def erase(email):
    erasure.erase(subject_id=subjects.find_subject(email=email), actor="user:1", now=NOW)


def test_one_person_s_payload_dies_with_their_key():
    row = keep({"ContactEmail": ADA, "Note": "call soon"})
    owner = subjects.find_subject(email=ADA)
    assert (row.subject_ids, b"call soon" in opened(row, owner)) == ([owner], True)

    erase(ADA)

    assert opened(row, owner) is None  # in a backup of the table, too
    row.refresh_from_db()
    assert row.sealed is None


def test_several_persons_payload_dies_with_the_first():
    row = keep(f"Dear <{ADA}>, meet {BO}.".encode())
    assert opened(row, None) is not None

    erase(BO)

    row.refresh_from_db()
    assert row.sealed is None


def test_nothing_is_kept_of_somebody_who_was_erased():
    subjects.ensure_subjects(emails=[ADA], now=NOW)
    erase(ADA)

    row = keep(b'{"ContactEmail": "ADA\\u0040northwind.example"}')

    assert (row.sealed, row.reason) == (None, "missing_id")


def test_nor_of_a_list_of_addresses():
    assert keep([f"p{n}@northwind.example" for n in range(MAX_PERSONS + 1)]).sealed is None


def test_nobody_named():
    row = keep({"AccountId": "a-1", "Twitter": "@northwind"})

    assert (row.subject_ids, opened(row, None)) == ([], b'{"AccountId": "a-1", "Twitter": "@northwind"}')
