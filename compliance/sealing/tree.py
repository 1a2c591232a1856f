"""The stored tree: roots of leaf ranges and proofs, read from leaves and tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from compliance.sealing import canonical, merkle
from compliance.sealing.merkle import TILE_HEIGHT, Edge, Range
from compliance.sealing.models import AuditCheckpoint, AuditLeaf


class NotSealed(Exception):
    """The event or tree asked for is not sealed, or not any more or yet."""


@dataclass(frozen=True, kw_only=True)
class InclusionProof:
    """That an event stands in the tree of a signed checkpoint. ``row`` is None when retention took it."""

    event_id: UUID
    row: bytes | None
    leaf: bytes
    index: int
    size: int
    hashes: list[bytes]
    note: str

    def describe(self) -> dict[str, Any]:
        """Print the proof for a document: hashes in hexadecimal, the row as the line that was hashed."""
        return {
            "event_id": str(self.event_id),
            "row": None if self.row is None else self.row.decode(),
            "leaf_hash": self.leaf.hex(),
            "leaf_index": self.index,
            "tree_size": self.size,
            "proof": [node.hex() for node in self.hashes],
            "checkpoint": self.note,
        }


@dataclass(frozen=True, kw_only=True)
class ConsistencyProof:
    """That the tree of ``first`` leaves begins the tree of ``second`` leaves."""

    first: int
    first_root: bytes
    second: int
    second_root: bytes
    hashes: list[bytes]


def lock_head() -> None:
    """Keep every other seal and rotation out until the running transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('revctx_seal', 0))")


def find_head() -> AuditCheckpoint | None:
    """Return the newest checkpoint."""
    return AuditCheckpoint.objects.order_by("-size").first()


def read_edge(size: int) -> Edge:
    """Return the right edge of the stored tree of the first ``size`` leaves."""
    return Edge(size, [read_perfect_root(*part) for part in merkle.perfect_ranges(0, size)])


def read_perfect_root(start: int, end: int) -> bytes:
    """Return the root of a perfect, aligned subtree of stored leaves.

    Raises:
        NotSealed: some of it is not stored.
    """
    height = (end - start).bit_length() - 1
    base = height - height % TILE_HEIGHT
    count = 1 << (height - base)
    hashes = _read_hashes(base, start >> base, count)
    if len(hashes) != count:
        raise NotSealed(f"leaves {start} to {end} are not all there")
    return merkle.perfect_root(hashes)


def prove_inclusion(*, event_id: UUID) -> InclusionProof:
    """Prove that an event is in the newest signed tree.

    Raises:
        NotSealed: it is unknown, or younger than the newest checkpoint.
    """
    head, leaf = find_head(), AuditLeaf.objects.filter(event_id=event_id).first()
    if head is None or leaf is None or leaf.index >= head.size:
        raise NotSealed(f"event {event_id} is not sealed")
    return InclusionProof(
        event_id=event_id,
        row=canonical.read_line(event_id=event_id, recorded_at=leaf.recorded_at),
        leaf=bytes(leaf.leaf),
        index=leaf.index,
        size=head.size,
        hashes=_read_ranges(merkle.inclusion_ranges(leaf.index, head.size)),
        note=head.note,
    )


def prove_consistency(*, first: int, second: int) -> ConsistencyProof:
    """Prove that the tree of ``first`` leaves begins that of ``second``.

    Raises:
        NotSealed: so many leaves are not sealed.
        ValueError: the sizes are not 0 < first ≤ second.
    """
    ranges = merkle.consistency_ranges(first, second)
    head = find_head()
    if head is None or second > head.size:
        raise NotSealed(f"{second} leaves are not sealed yet")
    return ConsistencyProof(
        first=first,
        first_root=read_edge(first).root(),
        second=second,
        second_root=read_edge(second).root(),
        hashes=_read_ranges(ranges),
    )


def _read_ranges(ranges: list[Range]) -> list[bytes]:
    return [merkle.range_root(start, end, read_perfect_root) for start, end in ranges]


def _read_hashes(height: int, first: int, count: int) -> list[bytes]:
    table, column = ("audit_tiles", "root") if height else ("audit_leaves", "leaf")
    where = "height = %s AND " if height else ""
    parameters = [*([height] if height else []), first, first + count]
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT {column} FROM {table} WHERE {where}"index" >= %s AND "index" < %s ORDER BY "index"',
            parameters,
        )
        return [bytes(row[0]) for row in cursor.fetchall()]
