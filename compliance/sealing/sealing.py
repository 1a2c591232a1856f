"""One round of the sealer: rows below the xmin horizon become leaves under a signed checkpoint."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from compliance.sealing import canonical, tree
from compliance.sealing.anchors import AnchorConflict, Anchors
from compliance.sealing.checkpoints import Checkpoint, read_note
from compliance.sealing.keys import ORIGIN, Signer
from compliance.sealing.merkle import EMPTY_ROOT, Edge, Subtree
from compliance.sealing.models import AuditCheckpoint, AuditKey, AuditRetirement
from revctx.eventbus import cluster, outbox
from revctx.eventbus.envelope import Event
from revctx.eventbus.topics import AUDIT_CHECKPOINT

BATCH = 10_000
FIRST = UUID(int=0)
LAST = UUID(int=2**128 - 1)
# A leaf's row is never sealed twice: after a restore, old transaction ids come round again.
_UNSEALED = "NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = a.id)"
_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_READ = f"""
SELECT {canonical.COLUMN_LIST} FROM audit_logs a
WHERE (a.txid, a.id) > (%s, %s) AND a.txid < {_HORIZON} AND {_UNSEALED}
ORDER BY a.txid, a.id LIMIT %s
"""
# In another cluster, ids at or beyond the next one are the old cluster's, so their rows are long committed.
# Two numberings say nothing about which row came first, hence the time.
_READ_RESTORED = f"""
SELECT {canonical.COLUMN_LIST} FROM audit_logs a
WHERE (a.txid < %s OR a.txid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint) AND {_UNSEALED}
ORDER BY a.recorded_at, a.txid, a.id LIMIT %s
"""
# In the index's order the read ends with the batch's last row, however many wait and however many are sealed;
# the estimates of a log that grows would have all of them hashed and sorted. It holds for the round's
# transaction, whose other statements read by primary keys.
_IN_ORDER = "SET LOCAL enable_sort = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_bitmapscan = off"
# One text a column: arrays are quoted value by value.
_INSERT_LEAVES = """
INSERT INTO audit_leaves ("index", event_id, recorded_at, leaf)
SELECT %s + nth - 1, event_id, recorded_at, substr(%s::bytea, (nth * 32 - 31)::int, 32)
FROM unnest(string_to_array(%s, ',')::uuid[], string_to_array(%s, ',')::timestamptz[])
    WITH ORDINALITY AS sealed (event_id, recorded_at, nth)
"""
_INSERT_TILES = """
INSERT INTO audit_tiles (height, "index", root)
SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])
"""

log = structlog.get_logger(__name__)


class WrongKey(Exception):
    """This signing key is not the one whose turn it is."""


@dataclass(frozen=True)
class Row:
    """A row that is to be sealed."""

    line: bytes
    event_id: str
    recorded_at: str
    txid: int

    @classmethod
    def read(cls, line: bytes) -> Row:
        """Take the first three columns, which hold no escapes, off the canonical line."""
        event_id, recorded_at, txid, _ = line.split(b"\t", 3)
        return cls(line, event_id.decode(), recorded_at.decode(), int(txid))


@dataclass(frozen=True)
class Cursor:
    """How far the sealer has come in the transactions of one cluster."""

    system_identifier: str
    txid: int
    last_id: UUID


class Sealer:
    """Seals round after round; made anew after any failure, so that memory never runs ahead of the tables."""

    def __init__(self, *, signer: Signer, anchors: Anchors, now: datetime) -> None:
        """Take up where the last checkpoint stands.

        Raises:
            AnchorConflict: the anchors know a later or another tree than the database.
            WrongKey: another key is to sign.
        """
        self.signer, self.anchors = signer, anchors
        self._introduce_key(now=now)
        self.head = tree.find_head()
        self._compare_anchors()
        self.edge = tree.read_edge(self.head.size if self.head else 0)
        last = read_note(self.head.note)[0] if self.head else None
        self.counts = Counter(last.counts) if last else Counter()
        self.cursor, self.resumed = self._load_cursor()

    def seal(self, *, now: datetime, limit: int = BATCH) -> int:
        """Seal the next rows, at most ``limit``; return how many."""
        with transaction.atomic():
            tree.lock_head()
            self._require_turn()
            rows = self._read(limit)
            retired = _list_retired()
            if not rows:
                self.resumed = None
                return 0
            edge = Edge(self.edge.size, list(self.edge.roots))
            leaves = [canonical.leaf_of(row.line) for row in rows]
            tiles = edge.extend(leaves)
            self.anchors.append_leaves(self.edge.size, leaves)
            _insert_leaves(self.edge.size, rows, leaves, tiles)
            counts = self.counts + Counter(row.recorded_at[:7] for row in rows)
            cursor = self._advance(rows[-1])
            head = self._sign(edge, counts, retired, cursor, now)
        self._anchor(head)
        self.head, self.edge, self.counts = head, edge, counts
        if self.resumed is None:
            self.cursor = cursor
        return len(rows)

    def _read(self, limit: int) -> list[Row]:
        if self.resumed is None:
            plan, statement = _IN_ORDER, _READ
            given = [self.cursor.txid, self.cursor.last_id, limit]
        else:
            plan = "SET LOCAL statement_timeout = 0"  # no index finds what has no leaf
            statement, given = _READ_RESTORED, [self.resumed, limit]
        with connection.cursor() as sql:
            sql.execute(plan)
        with canonical.copy_lines(statement, given) as lines:
            return [Row.read(line) for line in lines]

    def _advance(self, row: Row) -> Cursor:
        """Return the cursor after a row; rows of an old cluster leave it in the old one's numbering."""
        if self.resumed is not None and self.head is not None:
            return Cursor(self.head.system_identifier, self.head.txid, self.head.last_id)
        return Cursor(self.cursor.system_identifier, row.txid, UUID(row.event_id))

    def _load_cursor(self) -> tuple[Cursor, int | None]:
        """Return the cursor, and in a new cluster the horizon below which its rows are read first."""
        here = cluster.get_system_identifier()
        if self.head is None:
            return Cursor(here, 0, FIRST), None
        if self.head.system_identifier == here:
            return Cursor(here, self.head.txid, self.head.last_id), None
        with connection.cursor() as sql:
            sql.execute(f"SELECT {_HORIZON}")
            horizon = int(sql.fetchone()[0])
        log.warning("sealer.cluster_changed", system_identifier=here)
        return Cursor(here, horizon - 1, LAST), horizon

    def _sign(
        self, edge: Edge, counts: Counter[str], retired: dict[str, int], cursor: Cursor, now: datetime
    ) -> AuditCheckpoint:
        """Write the signed checkpoint and its event into the running transaction."""
        checkpoint = Checkpoint(
            size=edge.size,
            root=edge.root(),
            previous_size=self.edge.size,
            previous_root=bytes(self.head.root) if self.head else EMPTY_ROOT,
            sealed_at=now.astimezone(UTC),
            counts=counts,
            retired=retired,
        )
        signature = self.signer.sign(checkpoint.to_text())
        head = AuditCheckpoint.objects.create(
            size=checkpoint.size,
            root=checkpoint.root,
            note=self.signer.make_note(checkpoint.to_text()),
            key_id=self.signer.public.id,
            sealed_at=now,
            system_identifier=cursor.system_identifier,
            txid=cursor.txid,
            last_id=cursor.last_id,
        )
        outbox.enqueue([_event(checkpoint, self.signer.public.id, signature, now)])
        return head

    def _introduce_key(self, *, now: datetime) -> None:
        """Let the first key ever register itself; every later one comes by a rotation."""
        with transaction.atomic():
            if not AuditKey.objects.exists():
                first = self.anchors.read_first_key()
                if first not in {None, str(self.signer.public)}:
                    raise AnchorConflict("the anchors began with another key; give a new log a new folder")
                AuditKey.objects.create(
                    key_id=self.signer.public.id, public_key=str(self.signer.public), added_at=now
                )
        self.anchors.write_first_key(AuditKey.objects.earliest("id").public_key)
        anchored = set(self.anchors.read_rotations())
        for key in AuditKey.objects.exclude(rotation="").order_by("id"):
            if key.rotation not in anchored:
                self.anchors.append_rotation(key.rotation)
        self._require_turn()

    def _require_turn(self) -> None:
        current = AuditKey.objects.latest("id").key_id
        if current != self.signer.public.id:
            raise WrongKey(f"key {current} is to seal, not {self.signer.public.id}")

    def _anchor(self, head: AuditCheckpoint) -> None:
        self.anchors.append_checkpoint(head.note, month=f"{head.sealed_at.astimezone(UTC):%Y-%m}")

    def _compare_anchors(self) -> None:
        """Refuse to go on beside anchors that know better; catch up with what a crash kept back."""
        last = self.anchors.read_last_checkpoint()
        size = read_note(last)[0].size if last else 0
        if size > (self.head.size if self.head else 0):
            raise AnchorConflict(f"{size} leaves were sealed, the database holds fewer: was it restored?")
        if self.head and self.head.note != last:
            if size == self.head.size:
                raise AnchorConflict(f"another tree of {size} leaves was sealed")
            for start in range(self.anchors.count_leaves(), self.head.size, BATCH):
                end = min(start + BATCH, self.head.size)
                self.anchors.append_leaves(start, _read_leaves(start, end))
            self._anchor(self.head)


def _read_leaves(start: int, end: int) -> list[bytes]:
    with connection.cursor() as sql:
        sql.execute(
            'SELECT leaf FROM audit_leaves WHERE "index" >= %s AND "index" < %s ORDER BY "index"',
            [start, end],
        )
        return [bytes(row[0]) for row in sql.fetchall()]


def _insert_leaves(start: int, rows: list[Row], leaves: list[bytes], tiles: list[Subtree]) -> None:
    ids, times = ",".join(row.event_id for row in rows), ",".join(row.recorded_at for row in rows)
    with connection.cursor() as sql:
        sql.execute(_INSERT_LEAVES, [start, b"".join(leaves), ids, times])
        if tiles:
            columns: list[Any] = [
                [t.height for t in tiles],
                [t.index for t in tiles],
                [t.root for t in tiles],
            ]
            sql.execute(_INSERT_TILES, columns)


def _list_retired() -> dict[str, int]:
    return {f"{r.month:%Y-%m}": r.rows for r in AuditRetirement.objects.order_by("month")}


def _event(checkpoint: Checkpoint, key_id: str, signature: bytes, now: datetime) -> Event:
    return Event(
        type=AUDIT_CHECKPOINT, key=ORIGIN, occurred_at=now, data=checkpoint.to_json(key_id, signature)
    )
