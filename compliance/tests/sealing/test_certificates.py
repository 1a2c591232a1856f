"""A certificate of erasure carries proofs from the sealed log."""

import pytest
from django.utils import timezone

from compliance.privacy import certificates
from compliance.privacy.models import PrivacyRequest
from compliance.privacy.tests.factories import make_request, run_due
from compliance.sealing import merkle
from compliance.sealing.checkpoints import read_note


@pytest.fixture
def erasure(log, settings, tmp_path):
    settings.ERASURE_JOURNAL_DIR = str(tmp_path / "journal")
    now = timezone.now()
    request = make_request(now=now)
    run_due(now=now)
    assert PrivacyRequest.objects.get(id=request.id).state == "complete"
    return request


def test_every_row_named_is_proved_once_it_is_sealed(erasure, log):
    log.write_sealed(300)

    document = certificates.find_certificate(request_id=erasure.id)

    proofs = document["audit_proofs"]
    assert [p["event_id"] for p in proofs] == [e["id"] for e in document["certificate"]["audit_events"]]
    assert any("subject.erased" in proof["row"] for proof in proofs)
    for proof in proofs:
        checkpoint = read_note(proof["checkpoint"])[0]
        leaf = merkle.leaf_hash(proof["row"].encode())
        assert leaf.hex() == proof["leaf_hash"]
        path = [bytes.fromhex(node) for node in proof["proof"]]
        index, size = proof["leaf_index"], proof["tree_size"]
        assert merkle.verify_inclusion(leaf=leaf, index=index, size=size, proof=path, root=checkpoint.root)


def test_says_that_a_row_is_not_sealed_yet(erasure):
    document = certificates.find_certificate(request_id=erasure.id)

    assert document["audit_proofs"]
    assert {proof["checkpoint"] for proof in document["audit_proofs"]} == {None}
