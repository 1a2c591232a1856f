"""The ways to cheat, done by a superuser with every trigger off; each is found and named.

T11 is mostly in `test_copies.py`, because it needs Kafka.
"""

import shutil
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from compliance.models import AuditCheckpoint, AuditLeaf, AuditLog
from compliance.sealing import canonical, merkle
from compliance.sealing.checkpoints import Checkpoint, read_note
from compliance.sealing.keys import Signer
from compliance.sealing.sealing import Sealer
from compliance.tests.sealing.log import event_at, kinds, unguarded

FORGER = Signer(b"f" * 32)
PARTITION = "SELECT tableoid::regclass::text FROM audit_logs LIMIT 1"


@pytest.fixture
def sealed(log):
    """Return a log with four seals over 20 rows."""
    log.write_sealed(5, 5, 5, 5)
    assert log.verify().is_sound
    return log


def rewrite(superuser, index):
    """Change a row and its leaf so that the two fit each other."""
    event = event_at(superuser, index)
    superuser.execute("UPDATE audit_logs SET actor = 'user:0' WHERE id = %s", [event])
    row = AuditLog.objects.get(id=event)
    line = canonical.read_line(event_id=row.id, recorded_at=row.recorded_at)
    superuser.execute("UPDATE audit_leaves SET leaf = %s WHERE index = %s", [canonical.leaf_of(line), index])
    return event


def reseal(superuser, signer):
    """Write every seal anew over the leaves as they are now."""
    leaves = [bytes(leaf) for leaf in AuditLeaf.objects.order_by("index").values_list("leaf", flat=True)]
    previous = (0, merkle.EMPTY_ROOT)
    for row in AuditCheckpoint.objects.order_by("size"):
        edge = merkle.Edge()
        edge.extend(leaves[: row.size])
        old = read_note(row.note)[0]
        new = Checkpoint(
            size=row.size,
            root=edge.root(),
            previous_size=previous[0],
            previous_root=previous[1],
            sealed_at=old.sealed_at,
            counts=old.counts,
        )
        superuser.execute(
            "UPDATE audit_checkpoints SET root = %s, note = %s, key_id = %s WHERE id = %s",
            [new.root, signer.make_note(new.to_text()), signer.public.id, row.id],
        )
        previous = (new.size, new.root)


def test_t1_a_changed_row(sealed, superuser):
    event = event_at(superuser, 7)
    with unguarded(superuser):
        superuser.execute("UPDATE audit_logs SET payload = '{\"number\": 9}' WHERE id = %s", [event])

    for anchored in (True, False):
        first = sealed.verify(anchored=anchored).first
        assert (first.kind, first.index, first.event_id) == ("row_changed", 7, event)


@pytest.mark.parametrize("column", ["recorded_at", "txid", "occurred_at", "request_id", "id"])
def test_t1_any_column(sealed, superuser, column):
    event = event_at(superuser, 7)
    values = {"recorded_at": "recorded_at + interval '1 us'", "txid": "txid + 1", "occurred_at": "now()"}
    values |= {"request_id": "'x'", "id": "gen_random_uuid()"}
    with unguarded(superuser):
        superuser.execute(f"UPDATE audit_logs SET {column} = {values[column]} WHERE id = %s", [event])

    first = sealed.verify().first
    assert (first.index, first.event_id) == (7, event)


def test_t2_a_deleted_row(sealed, superuser):
    event = event_at(superuser, 12)
    with unguarded(superuser):
        superuser.execute("DELETE FROM audit_logs WHERE id = %s", [event])

    for anchored in (True, False):
        first = sealed.verify(anchored=anchored).first
        assert (first.kind, first.index, first.event_id) == ("row_missing", 12, event)


def test_t2_with_its_leaf(sealed, superuser):
    with unguarded(superuser):
        superuser.execute("DELETE FROM audit_logs WHERE id = %s", [event_at(superuser, 12)])
        superuser.execute("DELETE FROM audit_leaves WHERE index = 12")

    for anchored in (True, False):
        first = sealed.verify(anchored=anchored).first
        assert (first.kind, first.index) == ("leaf_missing", 12)


def test_t3_two_rows_swapped(sealed, superuser):
    with unguarded(superuser):
        superuser.execute("UPDATE audit_leaves SET index = -1 WHERE index = 3")
        superuser.execute("UPDATE audit_leaves SET index = 3 WHERE index = 4")
        superuser.execute("UPDATE audit_leaves SET index = 4 WHERE index = -1")

    report = sealed.verify()
    assert (report.first.kind, report.first.index) == ("leaf_changed", 3)
    assert report.first.event_id == event_at(superuser, 3)
    alone = sealed.verify(anchored=False)
    assert (alone.first.kind, alone.first.index) == ("root_mismatch", 0)


@pytest.mark.parametrize("changes", [{"txid": "1"}, {"recorded_at": "now() - interval '3 hours'"}])
def test_t4_a_row_put_in_behind_the_seal(sealed, superuser, changes):
    with unguarded(superuser):
        [(event,)] = superuser.execute(
            f"INSERT INTO audit_logs (occurred_at, name, actor, target_type, {', '.join(changes)}, target_id,"
            " request_id, payload) SELECT occurred_at, name, actor, target_type,"
            f" {', '.join(changes.values())}, 'late', '', '{{}}' FROM audit_logs LIMIT 1 RETURNING id"
        ).fetchall()

    report = sealed.verify()
    assert ("row_inserted", str(event)) in {(f.kind, f.event_id) for f in report.findings}
    if "recorded_at" in changes:
        assert sealed.seal() == 1
        report = sealed.verify()
        assert (report.first.kind, report.first.event_id) == ("backdated", str(event))


def test_t5_the_end_cut_off(sealed, superuser):
    with unguarded(superuser):
        superuser.execute(
            "DELETE FROM audit_logs WHERE id IN (SELECT event_id FROM audit_leaves WHERE index >= 15)"
        )
        superuser.execute("DELETE FROM audit_leaves WHERE index >= 15")
        superuser.execute("DELETE FROM audit_checkpoints WHERE size > 15")

    report = sealed.verify()
    assert (report.first.kind, report.first.index) == ("truncated", 15)
    # Without anchors what is left is whole in itself, and the report says that it cannot know.
    alone = sealed.verify(anchored=False)
    assert alone.is_sound
    assert any("cut off" in line for line in alone.to_json()["not_covered"])


def test_t6_an_old_backup_restored(sealed, superuser):
    with unguarded(superuser):
        superuser.execute("CREATE TEMP TABLE kept AS SELECT * FROM audit_leaves WHERE index < 10")
        superuser.execute("DELETE FROM audit_logs WHERE id NOT IN (SELECT event_id FROM kept)")
        superuser.execute("DELETE FROM audit_leaves WHERE index >= 10")
        superuser.execute("DELETE FROM audit_checkpoints WHERE size > 10")
        superuser.execute("DROP TABLE kept")

    report = sealed.verify()
    assert (report.first.kind, report.first.index) == ("truncated", 10)
    sealed.write(1)
    with pytest.raises(Exception, match="was it restored"):
        sealed.seal()


@pytest.mark.parametrize(
    "change", ["DROP TABLE {}", "ALTER TABLE audit_logs DETACH PARTITION {}", "TRUNCATE {}"]
)
def test_t7_a_partition_gone(sealed, superuser, change):
    event = event_at(superuser, 0)
    [(partition,)] = superuser.execute(PARTITION).fetchall()
    superuser.execute("BEGIN")
    superuser.execute(f"ALTER TABLE {partition} DISABLE TRIGGER ALL")
    superuser.execute(change.format(partition))
    if "TRUNCATE" in change:
        superuser.execute(f"ALTER TABLE {partition} ENABLE ALWAYS TRIGGER revctx_append_only")
    superuser.execute("COMMIT")
    try:
        first = sealed.verify().first
    finally:
        restore_partition(superuser, partition)

    assert first.kind == ("row_missing" if "TRUNCATE" in change else "partition_missing")
    assert (first.index, first.event_id) == (0, event)


def restore_partition(superuser, partition):
    """Give later tests their partition back."""
    superuser.execute(f"DROP TABLE IF EXISTS {partition}")
    superuser.execute("SELECT revctx_create_month_partition('audit_logs', now()::date)")


def test_t8_everything_rewritten_and_sealed_with_another_key(sealed, superuser):
    with unguarded(superuser):
        event = rewrite(superuser, 7)

        report = sealed.verify()
        assert (report.first.kind, report.first.index, report.first.event_id) == ("leaf_changed", 7, event)
        alone = sealed.verify(anchored=False, pinned=sealed.signer.public)
        assert (alone.first.kind, alone.first.index) == ("root_mismatch", 5)

        reseal(superuser, FORGER)

    report = sealed.verify()
    assert report.first.event_id == event
    assert {"leaf_changed", "forked", "bad_signature"} <= kinds(report)
    assert "bad_signature" in kinds(sealed.verify(anchored=False, pinned=sealed.signer.public))


def test_t8_even_with_the_stolen_key_the_anchors_tell(sealed, superuser):
    with unguarded(superuser):
        event = rewrite(superuser, 7)
        reseal(superuser, sealed.signer)

    assert sealed.verify(anchored=False).is_sound
    report = sealed.verify()
    assert (report.first.kind, report.first.event_id) == ("leaf_changed", event)
    assert "forked" in kinds(report)


def test_t9_triggers_asleep(sealed, superuser):
    event = event_at(superuser, 2)
    change = ["UPDATE audit_logs SET actor = 'user:0' WHERE id = %s", [event]]
    superuser.execute("SET session_replication_role = replica")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        superuser.execute(*change)
    superuser.execute("ALTER TABLE audit_logs DISABLE TRIGGER revctx_append_only")
    [(partition,)] = superuser.execute(PARTITION).fetchall()
    superuser.execute(f"ALTER TABLE {partition} DISABLE TRIGGER revctx_append_only")
    try:
        superuser.execute(*change)
        report = sealed.verify()
    finally:
        for table in ("audit_logs", partition):
            superuser.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER revctx_append_only")

    assert (report.first.kind, report.first.event_id) == ("row_changed", event)
    guards = [found.detail for found in report.findings if found.kind == "guard_off"]
    assert [partition in guard or "audit_logs" in guard for guard in guards] == [True, True]


def test_t10_two_verifiers_who_were_shown_different_logs(log, superuser, tmp_path):
    log.write_sealed(5)
    second = tmp_path / "second-verifier"
    shutil.copytree(log.anchors.folder, second)
    log.write_sealed(3)
    with unguarded(superuser):
        superuser.execute(
            "DELETE FROM audit_logs WHERE id IN (SELECT event_id FROM audit_leaves WHERE index >= 5)"
        )
        superuser.execute("DELETE FROM audit_leaves WHERE index >= 5")
        superuser.execute("DELETE FROM audit_checkpoints WHERE size > 5")
    first, log.anchors = log.anchors, type(log.anchors)(second)
    log.write_sealed(3)
    assert log.verify().is_sound

    log.anchors = first

    report = log.verify()
    assert "forked" in kinds(report)
    assert report.first.index == 5
    [mine, theirs] = [
        read_note(list(anchors.read_checkpoints())[-1])[0] for anchors in (first, type(first)(second))
    ]
    assert (mine.size, mine.previous_root) == (theirs.size, theirs.previous_root)
    assert mine.root != theirs.root


def test_t11_a_row_changed_after_its_leaf_was_anchored(log, superuser, monkeypatch):
    log.write(2)
    sealer = log.make_sealer()
    monkeypatch.setattr(sealer, "_sign", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sealer.seal(now=timezone.now())
    with unguarded(superuser):
        superuser.execute("UPDATE audit_logs SET actor = 'user:0'")

    with pytest.raises(Exception, match="do not fit the database at leaf 0"):
        log.seal()


def test_t12_the_key_swapped(sealed, superuser, tmp_path):
    pinned = tmp_path / "pinned.pub"
    pinned.write_text(f"{sealed.signer.public}\n")
    with unguarded(superuser):
        superuser.execute(
            "UPDATE audit_keys SET key_id = %s, public_key = %s", [FORGER.public.id, str(FORGER.public)]
        )
        reseal(superuser, FORGER)

    report = sealed.verify(anchored=False, pinned=sealed.signer.public)
    assert {"unknown_key", "bad_signature"} <= kinds(report)
    with pytest.raises(CommandError, match="NOT SOUND"):
        call_command("verify_audit", anchors=sealed.anchors.folder, public_key=pinned, stdout=StringIO())


def test_t12_a_rotation_that_the_old_key_never_signed(sealed, superuser):
    text = f"revctx/audit/rotation\n{sealed.signer.public}\n{FORGER.public}\n20\n"
    with unguarded(superuser):
        superuser.execute(
            "INSERT INTO audit_keys (key_id, public_key, rotation, added_at) VALUES (%s, %s, %s, now())",
            [FORGER.public.id, str(FORGER.public), FORGER.make_note(text)],
        )
    sealed.write(1)
    Sealer(signer=FORGER, anchors=sealed.anchors, now=timezone.now()).seal(now=timezone.now())

    assert {"bad_rotation", "unknown_key", "bad_signature"} <= kinds(sealed.verify())


def test_the_command_names_the_first_bad_row(sealed, superuser):
    event = event_at(superuser, 7)
    with unguarded(superuser):
        superuser.execute("UPDATE audit_logs SET actor = 'user:0' WHERE id = %s", [event])
    out = StringIO()

    with pytest.raises(CommandError, match=f"First: row_changed at leaf 7 .event {event}"):
        call_command("verify_audit", anchors=sealed.anchors.folder, stdout=out)

    assert "20 leaves, 20 rows" in out.getvalue()
