"""Checkpoints, proofs and verification through the API, and the script that needs none of our code."""

import json
import subprocess
import sys

import pytest
from django.conf import settings
from django.utils import timezone

from compliance import tasks
from compliance.models import AuditLog
from compliance.sealing import merkle
from compliance.sealing.checkpoints import read_note
from compliance.sealing.requests import work_on_verifications
from compliance.tests.sealing.log import event_at, unguarded


@pytest.fixture
def auditor(log, api_client):
    return api_client("audit:read")


def get_proof(auditor, event_id):
    answer = auditor.get(f"/api/audit/events/{event_id}/proof")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_proof_leads_from_the_row_to_the_signed_root(log, auditor):
    log.write_sealed(300, 7)

    for row in (AuditLog.objects.order_by("txid", "id")[n] for n in (0, 255, 256, 306)):
        proof = get_proof(auditor, row.id)
        checkpoint, signed = read_note(proof["checkpoint"])
        leaf = merkle.leaf_hash(proof["row"].encode())
        assert signed.is_signed_by(log.signer.public)
        assert leaf.hex() == proof["leaf_hash"]
        assert merkle.verify_inclusion(
            leaf=leaf,
            index=proof["leaf_index"],
            size=checkpoint.size,
            proof=[bytes.fromhex(node) for node in proof["proof"]],
            root=checkpoint.root,
        )
        assert proof["row"].startswith(f"{row.id}\t")


def test_the_script_of_the_docs_agrees_and_refuses_forgeries(log, auditor, tmp_path):
    log.write_sealed(5, 6)
    proof = get_proof(auditor, AuditLog.objects.order_by("txid", "id")[3].id)

    assert run_script(proof, log.anchors.key_path, tmp_path).stdout.startswith("TRUE: ")
    for forged in (
        {"row": proof["row"].replace("user:7", "user:8")},
        {"leaf_index": 4},
        {"checkpoint": proof["checkpoint"].replace("\n11\n", "\n12\n")},
        {"proof": proof["proof"][:-1]},
    ):
        assert run_script(proof | forged, log.anchors.key_path, tmp_path).returncode != 0, forged


def run_script(proof, key_path, folder):
    path = folder / "proof.json"
    path.write_text(json.dumps(proof))
    command = [sys.executable, "-I", "-S", "docs/verify_audit.py", str(path), str(key_path)]
    return subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)


def test_the_script_is_short():
    assert (settings.BASE_DIR / "docs/verify_audit.py").read_text().count("\n") <= 75


def test_consistency_between_any_two_trees(log, auditor):
    log.write_sealed(5, 300, 20)
    for first, second in ((5, 325), (305, 325), (1, 300), (256, 325), (325, 325)):
        proof = auditor.get(f"/api/audit/checkpoints/consistency?first={first}&second={second}").json()
        assert merkle.verify_consistency(
            first=first,
            first_root=bytes.fromhex(proof["first_root"]),
            second=second,
            second_root=bytes.fromhex(proof["second_root"]),
            proof=[bytes.fromhex(node) for node in proof["proof"]],
        )
    latest = auditor.get("/api/audit/checkpoints/latest").json()
    assert (latest["tree_size"], latest["root_hash"]) == (325, proof["second_root"])
    assert latest["public_key"] == str(log.signer.public)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("checkpoints/latest", 404),
        ("checkpoints/consistency", 422),
        ("checkpoints/consistency?first=0&second=1", 422),
        ("checkpoints/consistency?first=2&second=1", 422),
        ("checkpoints/consistency?first=1&second=99999999999999999999", 422),
        ("checkpoints/consistency?first=1&second=2", 404),
        ("events/00000000-0000-0000-0000-000000000000/proof", 404),
        ("verify/00000000-0000-0000-0000-000000000000", 404),
    ],
)
def test_what_is_not_there_is_refused(auditor, path, status):
    assert auditor.get(f"/api/audit/{path}").status_code == status


def test_nobody_without_the_scope(log, api_client):
    stranger = api_client("signals:read")
    assert stranger.get("/api/audit/checkpoints/latest").status_code == 403
    assert stranger.post("/api/audit/verify").status_code == 403


class TestVerification:
    def start(self, auditor):
        answer = auditor.post("/api/audit/verify")
        assert answer.status_code == 202
        return f"/api/audit/verify/{answer.json()['id']}"

    def test_is_done_by_the_worker(self, log, auditor, settings):
        settings.AUDIT_ANCHOR_DIR = str(log.anchors.folder)
        log.write_sealed(30)
        place = self.start(auditor)
        assert auditor.get(place).json()["state"] == "queued"

        tasks.verify_audit()

        found = auditor.get(place).json()
        assert (found["state"], found["report"]["rows"]) == ("sound", 30)
        assert found["report"]["trust"] == "anchors"
        assert list(
            AuditLog.objects.filter(name__startswith="audit_ver").order_by("id").values_list("name")
        ) == [
            ("audit_verification.requested",),
            ("audit_verification.finished",),
        ]

    def test_goes_on_in_turns_and_names_the_first_bad_row(
        self, log, auditor, settings, superuser, monkeypatch
    ):
        settings.AUDIT_ANCHOR_DIR = str(log.anchors.folder)
        log.write_sealed(9, 9, 9)
        with unguarded(superuser):
            superuser.execute(
                "UPDATE audit_logs SET actor = 'user:0' WHERE id = %s", [event_at(superuser, 4)]
            )
        place = self.start(auditor)
        monkeypatch.setattr("compliance.sealing.verification.Verification.step.__kwdefaults__", {"limit": 10})
        turns, states = 0, []
        while work_on_verifications(now=timezone.now(), turn_seconds=0.0001) and turns < 9:
            turns += 1
            states.append(auditor.get(place).json()["state"])

        found = auditor.get(place).json()
        assert states[0] == "running"
        assert found["state"] == "unsound"
        assert found["report"]["first"]["event_id"] == event_at(superuser, 4)

    def test_says_that_nothing_was_sealed(self, log, auditor, settings):
        settings.AUDIT_SIGNING_KEY = b""
        place = self.start(auditor)

        tasks.verify_audit()

        assert "nothing was sealed" in auditor.get(place).json()["report"]["error"]
