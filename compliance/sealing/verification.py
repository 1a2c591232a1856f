"""Verification: every leaf recomputed from its row, every root from the leaves, every seal checked.

Works in steps, so that it can report how far it is, stop between two steps and go on in another process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from django.db import connection, transaction

from compliance.sealing import canonical, inventory, tree, trust
from compliance.sealing.anchors import LEAF_BYTES, NO_COPY, Anchors
from compliance.sealing.checkpoints import Checkpoint, read_note
from compliance.sealing.findings import Finding, Report
from compliance.sealing.keys import InvalidNote, PublicKey
from compliance.sealing.merkle import EMPTY_ROOT, Edge
from compliance.sealing.models import AuditCheckpoint

STEP = 20_000
# No transaction of ours lives this long, so a row cannot be recorded so much before its predecessor.
MAX_DISORDER = timedelta(hours=1)
_READ = f"""
SELECT l."index", l.event_id, l.recorded_at, l.leaf, {canonical.COLUMN_LIST}
FROM (SELECT * FROM audit_leaves WHERE "index" >= %s AND "index" < %s) l
LEFT JOIN audit_logs a ON a.id = l.event_id AND a.recorded_at = l.recorded_at
    AND a.recorded_at BETWEEN %s AND %s
ORDER BY l."index"
"""

# As texts: what somebody wrote there need not be a time that Python knows.
_TIMES = """
SELECT min(recorded_at)::text, max(recorded_at)::text FROM audit_leaves WHERE "index" >= %s AND "index" < %s
"""


class StoredLeaf(NamedTuple):
    """A stored leaf and the row that it stands for; no row when it is gone."""

    event_id: str
    recorded_at: str
    leaf: bytes
    row: bytes | None


@dataclass
class Progress:
    """All that the next step needs of the steps before, as JSON values."""

    size: int
    index: int = 0
    roots: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    missing: dict[str, list[Any]] = field(default_factory=dict)
    newest: str = ""
    is_broken: bool = False
    previous: list[Any] = field(default_factory=lambda: [0, EMPTY_ROOT.hex()])
    place: list[Any] = field(default_factory=lambda: ["", 0])
    report: dict[str, Any] = field(default_factory=dict)


class Verification:
    """One verification of the log up to the checkpoint that was newest at its start."""

    def __init__(
        self,
        *,
        anchors: Anchors | None = None,
        pinned: PublicKey | None = None,
        progress: dict[str, Any] | None = None,
    ) -> None:
        """Start, or go on from ``to_json()`` of an earlier one.

        Raises:
            NoKey: nothing was sealed yet and no key is given.
        """
        head = tree.find_head()
        self.anchors = anchors
        self.progress = Progress(**progress) if progress else Progress(size=head.size if head else 0)
        stored = self.progress.report
        self.report = (
            Report.from_json(stored)
            if stored
            else Report(is_anchored=bool(anchors and anchors.read_first_key()))
        )
        key, origin = trust.find_trusted_key(pinned=pinned, anchors=anchors)
        self.report.key_id, self.report.trust = key.id, origin
        self.ring = trust.make_ring(trusted=key, anchors=anchors, report=Report() if stored else self.report)
        self.edge = Edge(self.progress.index, [bytes.fromhex(root) for root in self.progress.roots])

    @property
    def is_read(self) -> bool:
        """Tell whether every sealed row was read; ``finish`` is next."""
        return self.progress.index >= self.progress.size

    def to_json(self) -> dict[str, Any]:
        """Return what another process needs to go on."""
        self.progress.roots = [root.hex() for root in self.edge.roots]
        self.progress.report = self.report.to_json()
        return asdict(self.progress)

    def step(self, *, limit: int = STEP) -> int:
        """Verify the next leaves with their rows and checkpoints; return how many."""
        start = self.progress.index
        end = min(start + limit, self.progress.size)
        with transaction.atomic():
            found = _read_leaves(start, end)
            notes = dict(
                AuditCheckpoint.objects.filter(size__gt=start, size__lte=end)
                .order_by("size").values_list("size", "note")
            )  # fmt: skip
        anchored = self._read_anchored(start, end)
        leaves = self._check_leaves(start, end, found)
        self._check_rows(found)
        self._check_copies(start, leaves, found)
        for size in sorted({*notes, *anchored}):
            part = range(self.edge.size, size)
            self._grow(leaves[part.start - start : part.stop - start], found, part)
            self._check_seal(size, notes.get(size), anchored.get(size))
        self._grow(leaves[self.edge.size - start :], found, range(self.edge.size, end))
        self.progress.index = end
        return end - start

    def finish(self, *, now: datetime) -> Report:
        """Check what no single row shows: the end, the partitions, unsealed rows and the guards."""
        report, progress = self.report, self.progress
        report.size, report.root = progress.size, self.edge.root().hex()
        report.anchored_size = _read_anchored_size(self.anchors)
        # After the anchors: a seal is in the database first, so those of meanwhile are in both.
        head = tree.find_head()
        left = head.size if head else 0
        if report.anchored_size > left:
            detail = f"{report.anchored_size} leaves were sealed, {left} are left"
            report.add(Finding("truncated", detail, index=left))
        inventory.check(report, counts=progress.counts, missing=progress.missing, now=now)
        return report

    def _read_anchored(self, start: int, end: int) -> dict[int, str]:
        """Return the anchored seals of the next leaves; the folder is read once over all turns."""
        found: dict[int, str] = {}
        for note, place in self.anchors.read_notes(self.progress.place) if self.anchors else ():
            try:
                size = read_note(note)[0].size
            except InvalidNote as error:
                self.report.add(Finding("bad_anchor", str(error)))
            else:
                if size > end:
                    break
                if size <= start or size in found:
                    detail = f"the anchored seal of {size} leaves stands behind a later one"
                    self.report.add(Finding("bad_anchor", detail, index=size - 1))
                found[size] = note
            self.progress.place = place
        return {size: note for size, note in found.items() if size > start}

    def _check_leaves(self, start: int, end: int, found: dict[int, StoredLeaf]) -> Sequence[bytes | None]:
        """Return the leaves to build the tree of: the anchored ones where there are any, else the stored."""
        anchored = self.anchors.read_leaves(start, end) if self.anchors else b""
        leaves: list[bytes | None] = []
        for index in range(start, end):
            place = (index - start) * LEAF_BYTES
            outside = anchored[place : place + LEAF_BYTES]
            stored = found.get(index)
            if stored is None:
                self.report.add(Finding("leaf_missing", "the leaf is gone", index=index))
            elif outside and stored.leaf != outside:
                detail = "the leaf is not the anchored one: row and leaf were rewritten or moved"
                self.report.add(Finding("leaf_changed", detail, index, stored.event_id))
            leaves.append(outside or (stored.leaf if stored else None))
        return leaves

    def _check_rows(self, found: dict[int, StoredLeaf]) -> None:
        floor, newest = _earlier(self.progress.newest), self.progress.newest
        for index, (event_id, recorded_at, leaf, row) in found.items():
            if row is None:
                entry = self.progress.missing.setdefault(recorded_at[:7], [0, index, event_id])
                entry[0] += 1
                continue
            self.report.rows += 1
            if sha256(b"\x00" + row).digest() != leaf:
                self.report.add(Finding("row_changed", "the row is not what was sealed", index, event_id))
            if recorded_at < floor:
                detail = f"recorded at {recorded_at}, over an hour before rows sealed earlier"
                self.report.add(Finding("backdated", detail, index, event_id))
            newest = max(newest, recorded_at)
        self.progress.newest = newest

    def _check_copies(self, start: int, leaves: Sequence[bytes | None], found: dict[int, StoredLeaf]) -> None:
        """Compare what was sealed with what Kafka had brought out of the database before."""
        copies = self.anchors.read_copies(start, start + len(leaves)) if self.anchors else b""
        for place in range(len(copies) // LEAF_BYTES):
            copy = copies[place * LEAF_BYTES : (place + 1) * LEAF_BYTES]
            if copy == NO_COPY:
                continue
            self.report.copied += 1
            if copy != leaves[place] and leaves[place] is not None:
                event_id = found[start + place].event_id if start + place in found else None
                detail = "the row was changed after it was recorded and before it was sealed"
                self.report.add(Finding("changed_before_seal", detail, start + place, event_id))

    def _grow(self, leaves: Sequence[bytes | None], found: dict[int, StoredLeaf], part: range) -> None:
        """Append leaves to the tree; once one is unknown, no later root can be told."""
        known = [leaf for leaf in leaves if leaf is not None]
        self.progress.is_broken |= len(known) < len(leaves)
        self.edge.extend(leaf or b"" for leaf in leaves)
        months = Counter(found[index].recorded_at[:7] for index in part if index in found)
        self.progress.counts = dict(Counter(self.progress.counts) + months)

    def _check_seal(self, size: int, note: str | None, anchored: str | None) -> None:
        """Check one seal: its signature, its root, its predecessor and its counts."""
        if note is None:
            self.report.add(
                Finding("checkpoint_missing", f"the seal of {size} leaves is gone", index=size - 1)
            )
        if note and anchored and note != anchored:
            detail = f"two different seals of {size} leaves exist, one here and one in the anchors"
            self.report.add(Finding("forked", detail, index=size - 1))
        try:
            checkpoint, signed = read_note(note or anchored or "")
        except InvalidNote as error:
            self.report.add(Finding("bad_checkpoint", str(error), index=size - 1))
            return
        if self.ring.find_signer(signed, size=size) is None:
            detail = f"the seal of {size} leaves is not signed by a key that {self.report.key_id} vouches for"
            self.report.add(Finding("bad_signature", detail, index=size - 1))
        if not self.progress.is_broken:
            self._check_contents(checkpoint, size)
        self.progress.previous = [checkpoint.size, checkpoint.root.hex()]

    def _check_contents(self, checkpoint: Checkpoint, size: int) -> None:
        where = f"between leaf {self.progress.previous[0]} and {size - 1}"
        if (checkpoint.size, checkpoint.root) != (size, self.edge.root()):
            detail = f"leaves were changed, moved or added {where}"
            self.report.add(Finding("root_mismatch", detail, index=self.progress.previous[0]))
        if [checkpoint.previous_size, checkpoint.previous_root.hex()] != self.progress.previous:
            self.report.add(
                Finding("chain_broken", f"a seal is missing before {size} leaves", index=size - 1)
            )
        if dict(checkpoint.counts) != self.progress.counts:
            self.report.add(Finding("count_mismatch", f"months do not add up {where}", index=size - 1))


def _read_leaves(start: int, end: int) -> dict[int, StoredLeaf]:
    with connection.cursor() as sql:
        sql.execute(_TIMES, [start, end])
        first, last = sql.fetchone()
    if first is None:
        return {}
    with canonical.copy_lines(_READ, [start, end, first, last]) as lines:
        found = {}
        for line in lines:
            index, event_id, recorded_at, leaf, row = line.split(b"\t", 4)
            found[int(index)] = StoredLeaf(
                event_id.decode(),
                recorded_at.decode(),
                bytes.fromhex(leaf[3:].decode()),
                None if row.startswith(b"\\N") else row,
            )
        return found


def _earlier(text: str) -> str:
    """Return the time that is the allowed disorder before one in PostgreSQL's form; texts sort as times."""
    return str(datetime.fromisoformat(text) - MAX_DISORDER) if text else ""


def _read_anchored_size(anchors: Anchors | None) -> int:
    last = anchors.read_last_checkpoint() if anchors else None
    try:
        return read_note(last)[0].size if last else 0
    except InvalidNote:
        return 0  # reading the seals one by one has found it already
