from datetime import UTC, datetime

import pytest

from compliance import erasure, subjects
from signals.addresses import MAX_PERSONS
from signals.models import QuarantinedPayload
from signals.services.quarantine import Unclear, delivery_mark, quarantine, quarantine_many

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
GONE = "gone@northwind.example"
PAYLOADS = [
    b'{"ContactEmail": "ada@northwind.example"}',
    b'{"ContactEmail": "ADA\\u0040northwind.example", "Note": "again"}',
    b"Dear <ada@northwind.example>, meet bo@northwind.example.",
    b'{"AccountId": "a-1"}',
    b'["' + GONE.encode() + b'", "bo@northwind.example"]',
    b" ".join(b"p%d@northwind.example" % n for n in range(MAX_PERSONS + 1)),
]


def opened(row, name, mark):
    sealed = getattr(row, name)
    owner = row.subject_ids[0] if len(row.subject_ids) == 1 else None
    items = [(owner, bytes(sealed), mark)] if sealed else []
    return (subjects.open_sealed(items=items, actor="user:1", purpose="test", now=NOW) or [None])[0]


def kept(payload_id):
    row = QuarantinedPayload.objects.get(id=payload_id)
    content = opened(row, "sealed", row.id.bytes)
    delivery = opened(row, "sealed_delivery", delivery_mark(row.id))
    return row.source, row.reason, row.subject_ids, row.received_at, row.state, content, delivery


@pytest.mark.parametrize("delivery", ["", "msg_1"])
def test_many_are_kept_as_each_alone_would_be(delivery):
    [gone] = subjects.ensure_subjects(emails=[GONE], now=NOW).values()
    erasure.erase(subject_id=gone, actor="user:1", now=NOW)
    alone = [
        quarantine(source="hubspot", reason=f"r{n}", payload=payload, delivery=delivery, now=NOW)
        for n, payload in enumerate(PAYLOADS)
    ]

    items = [Unclear(f"r{n}", payload, delivery) for n, payload in enumerate(PAYLOADS)]
    together = quarantine_many(source="hubspot", items=items, now=NOW)

    assert [kept(one) for one in together] == [kept(one) for one in alone]
    assert [kept(one)[5] is None for one in together] == [False] * 4 + [True] * 2


def test_nothing_is_nothing():
    assert quarantine_many(source="hubspot", items=[], now=NOW) == []
