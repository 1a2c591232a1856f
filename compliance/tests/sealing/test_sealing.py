import json
import threading

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from compliance import audit
from compliance.models import AuditCheckpoint, AuditKey, AuditLeaf, AuditLog, AuditTile
from compliance.sealing import gauges, merkle, tree
from compliance.sealing.anchors import AnchorConflict
from compliance.sealing.checkpoints import read_note
from compliance.sealing.keys import Signer
from compliance.sealing.rotation import NotRotatable, rotate_key
from compliance.sealing.sealing import WrongKey
from compliance.tests.sealing.log import SEED, kinds, make_entries, unguarded
from revctx.eventbus.models import OutboxEvent

NEW = Signer(b"n" * 32)


class TestSeal:
    def test_makes_leaves_of_rows_and_signs_the_tree_above_them(self, log):
        log.write(3)
        log.write(4)

        assert log.seal() == 7

        leaves = [bytes(leaf) for leaf in AuditLeaf.objects.order_by("index").values_list("leaf", flat=True)]
        head = tree.find_head()
        checkpoint, signed = read_note(head.note)
        edge = merkle.Edge()
        edge.extend(leaves)
        assert checkpoint.root == edge.root() == bytes(head.root)
        assert (checkpoint.size, checkpoint.previous_size) == (7, 0)
        assert signed.is_signed_by(log.signer.public)
        assert checkpoint.counts == {f"{timezone.now():%Y-%m}": 7}
        assert b"".join(leaves) == log.anchors.read_leaves(0, 100)
        assert list(log.anchors.read_checkpoints()) == [head.note]
        [event] = OutboxEvent.objects.filter(type="audit.checkpoint")
        assert event.data["root_hash"] == checkpoint.root.hex()

    def test_says_nothing_when_there_is_nothing_new(self, log):
        log.write_sealed(2)

        assert log.seal() == 0
        assert AuditCheckpoint.objects.count() == 1

    def test_goes_on_from_a_restart_in_any_portions(self, log):
        for count in (1, 300, 5, 260):
            log.write(count)
            log.seal(limit=97)

        head = tree.find_head()
        assert head.size == 566
        assert [tile.index for tile in AuditTile.objects.order_by("index")] == [0, 1]
        assert log.verify(limit=50).is_sound

    def test_waits_for_rows_that_an_open_transaction_may_still_commit_before(self, log, connect):
        with connect("default") as other:
            other.autocommit = False
            other.execute("SELECT pg_current_xact_id()")
            log.write(2)

            assert log.seal() == 0
            assert gauges.read_lag_seconds() > 0
            other.rollback()
        assert log.seal() == 2
        assert gauges.read_lag_seconds() == 0
        assert gauges.check_lag() is None

    def test_no_row_of_concurrent_writers_is_left_out(self, log):
        done = threading.Event()

        def write():
            for _ in range(60):
                log.write(2)
            connection.close()

        writers = [threading.Thread(target=write) for _ in range(4)]
        for writer in writers:
            writer.start()
        sealer = log.make_sealer()
        while not done.is_set():
            if not any(writer.is_alive() for writer in writers):
                done.set()
            while sealer.seal(now=timezone.now(), limit=50):
                pass

        assert AuditLeaf.objects.count() == AuditLog.objects.count() == 480
        assert log.verify(limit=100).is_sound

    def test_a_health_check_says_when_rows_wait_long(self, log, superuser):
        log.write(1)
        with unguarded(superuser):
            superuser.execute("UPDATE audit_logs SET recorded_at = recorded_at - interval '2 minutes'")

        assert "waits 12" in gauges.check_lag()


class TestCrash:
    def test_between_anchor_and_commit_costs_nothing(self, log, monkeypatch):
        log.write_sealed(3)
        log.write(2)
        sealer = log.make_sealer()
        monkeypatch.setattr(sealer, "_sign", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sealer.seal(now=timezone.now())
        assert log.anchors.count_leaves() == 5
        assert AuditLeaf.objects.count() == 3

        log.write(1)
        log.seal()

        assert log.anchors.count_leaves() == 6
        assert log.verify().is_sound

    def test_between_commit_and_anchored_note_is_made_up_for(self, log, monkeypatch):
        log.write(2)
        sealer = log.make_sealer()
        monkeypatch.setattr(sealer, "_anchor", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sealer.seal(now=timezone.now())
        assert not list(log.anchors.read_checkpoints())

        log.seal()

        assert [read_note(note)[0].size for note in log.anchors.read_checkpoints()] == [2]

    def test_a_write_that_was_cut_short_is_overcome(self, log):
        log.write_sealed(2)
        with next(log.anchors.folder.glob("leaves-*")).open("ab") as file:
            file.write(b"torn")
        with next(log.anchors.folder.glob("checkpoints-*")).open("a") as file:
            file.write('"half a no')

        log.write_sealed(3)

        assert log.anchors.count_leaves() == 5
        assert len(list(log.anchors.read_checkpoints())) == 2
        assert log.verify().is_sound

    def test_anchored_leaves_that_differ_stop_the_sealer(self, log):
        log.write_sealed(2)
        log.anchors.append_leaves(2, [b"x" * 32])
        log.write(1)

        with pytest.raises(AnchorConflict, match="at leaf 2"):
            log.seal()

    def test_a_new_folder_gets_the_whole_log(self, log, tmp_path):
        log.write_sealed(5, 4)
        other = type(log)(tmp_path / "other")

        other.seal()

        assert other.anchors.read_leaves(0, 9) == log.anchors.read_leaves(0, 9)
        assert other.verify().is_sound


class TestRestoredIntoAnotherCluster:
    def test_old_rows_are_sealed_once_and_new_ones_after_them(self, log, superuser):
        log.write_sealed(3)
        log.write(2)
        with unguarded(superuser):
            superuser.execute("UPDATE audit_checkpoints SET system_identifier = 'another'")
            # Ids of the old cluster that the new one has not reached yet.
            superuser.execute(
                "UPDATE audit_logs a SET txid = txid + 1000000 WHERE NOT EXISTS"
                " (SELECT FROM audit_leaves l WHERE l.event_id = a.id)"
            )

        assert log.seal() == 2
        log.write(4)
        assert log.seal() == 4

        assert AuditLeaf.objects.count() == 9
        assert log.verify().is_sound

    def test_a_crash_meanwhile_loses_none(self, log, superuser):
        log.write_sealed(3)
        log.write(6)
        with unguarded(superuser):
            superuser.execute("UPDATE audit_checkpoints SET system_identifier = 'another'")
            superuser.execute(
                "UPDATE audit_logs a SET txid = txid + 1000000 WHERE NOT EXISTS"
                " (SELECT FROM audit_leaves l WHERE l.event_id = a.id)"
            )
        assert log.make_sealer().seal(now=timezone.now(), limit=2) == 2

        log.write(1)
        log.seal()

        assert AuditLeaf.objects.count() == 10
        assert log.verify().is_sound


class TestKeyRotation:
    def rotate(self, log):
        return rotate_key(old=log.signer, new=NEW, actor="system:test", now=timezone.now())

    def test_the_new_key_seals_on_and_either_key_verifies_all(self, log):
        log.write_sealed(3)
        old_sealer = log.make_sealer()
        self.rotate(log)
        with pytest.raises(WrongKey):
            old_sealer.seal(now=timezone.now())
        old, log.signer = log.signer, NEW

        log.write_sealed(2, 2)

        for pinned in (None, old.public, NEW.public):
            report = log.verify(pinned=pinned)
            assert report.is_sound, report.findings
        assert {c.key_id for c in AuditCheckpoint.objects.all()} == {old.public.id, NEW.public.id}
        assert len(log.anchors.read_rotations()) == 1

    def test_the_old_key_can_sign_nothing_that_came_later(self, log, superuser):
        log.write_sealed(3)
        self.rotate(log)
        old, log.signer = log.signer, NEW
        log.write_sealed(2)
        text = read_note(tree.find_head().note)[1].text
        with unguarded(superuser):
            superuser.execute("UPDATE audit_checkpoints SET note = %s WHERE size > 3", [old.make_note(text)])

        assert "bad_signature" in kinds(log.verify(pinned=old.public))

    def test_refuses_a_key_that_does_not_seal_or_did_before(self, log):
        log.write_sealed(1)
        with pytest.raises(NotRotatable):
            rotate_key(old=NEW, new=log.signer, actor="system:test", now=timezone.now())
        with pytest.raises(NotRotatable):
            rotate_key(old=log.signer, new=log.signer, actor="system:test", now=timezone.now())

    def test_is_itself_recorded(self, log):
        log.write_sealed(1)
        self.rotate(log)

        assert AuditLog.objects.get(name="audit_key.rotated").target_id == NEW.public.id
        assert AuditKey.objects.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {} SET key_id = ''",
        "DELETE FROM {}",
        "TRUNCATE {}",
    ],
)
@pytest.mark.parametrize("table", ["audit_checkpoints", "audit_keys"])
def test_the_seal_s_tables_refuse_changes(log, connect, change, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connect("default").execute(change.format(table))


def test_published_values_rebuild_the_signed_text(log):
    log.write_sealed(2)
    head = tree.find_head()
    data = OutboxEvent.objects.get(type="audit.checkpoint").data
    checkpoint, signed = read_note(head.note)

    assert (
        json.loads(json.dumps(checkpoint.to_json(data["key_id"], signed.signatures[data["key_id"]]))) == data
    )
    assert Signer(SEED).public.id == data["key_id"]


def test_nothing_is_sealed_that_was_rolled_back(log):
    with transaction.atomic():
        audit.record(make_entries(1))
        transaction.set_rollback(True)

    assert log.seal() == 0
