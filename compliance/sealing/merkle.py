"""The Merkle tree of RFC 9162 §2.1, pure: hashes, a compact right edge, proofs and their verification."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
# Roots of perfect subtrees are kept at heights 8, 16, 24, so that a proof reads hundreds of hashes, not all.
TILE_HEIGHT = 8

Range = tuple[int, int]
RangeRoot = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf's data (RFC 9162 §2.1.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 9162 §2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Subtree:
    """The root of a perfect subtree: leaves ``index``·2^height up to the next multiple."""

    height: int
    index: int
    root: bytes


@dataclass
class Edge:
    """All of a tree that appending needs: the roots of its perfect subtrees, the largest first."""

    size: int = 0
    roots: list[bytes] = field(default_factory=list)

    def extend(self, leaves: Iterable[bytes]) -> list[Subtree]:
        """Add leaves in order; return the perfect subtrees at multiples of the tile height they complete."""
        completed: list[Subtree] = []
        size, roots = self.size, self.roots
        for leaf in leaves:
            carry, height, node = size, 0, leaf
            while carry & 1:
                node = sha256(b"\x01" + roots.pop() + node).digest()
                carry >>= 1
                height += 1
                if height % TILE_HEIGHT == 0:
                    completed.append(Subtree(height, carry, node))
            roots.append(node)
            size += 1
        self.size = size
        return completed

    def root(self) -> bytes:
        """Return the root of the whole tree."""
        if not self.roots:
            return EMPTY_ROOT
        node = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            node = node_hash(left, node)
        return node


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of sibling hashes."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def split_point(size: int) -> int:
    """Return the largest power of two below ``size`` (≥2)."""
    return int(1 << ((size - 1).bit_length() - 1))


def perfect_ranges(start: int, end: int) -> list[Range]:
    """Cut an aligned range of leaves, as the proofs name them, into perfect subtrees, largest first."""
    ranges = []
    while end - start > 0:
        length = 1 << ((end - start).bit_length() - 1)
        ranges.append((start, start + length))
        start += length
    return ranges


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return the leaf ranges whose roots prove that leaf ``index`` is in a tree (RFC 9162 §2.1.3.1).

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    start, end, above = 0, size, []
    while end - start > 1:
        middle = start + split_point(end - start)
        if index < middle:
            above.append((middle, end))
            end = middle
        else:
            above.append((start, middle))
            start = middle
    return above[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """Return the leaf ranges whose roots prove that one tree begins another (RFC 9162 §2.1.4.1).

    Raises:
        ValueError: the sizes are not 0 < first ≤ second.
    """
    if not 0 < first <= second:
        raise ValueError(f"no consistency proof from {first} to {second}")
    start, end, above = 0, second, []
    is_whole = True
    while first != end:
        middle = start + split_point(end - start)
        if first <= middle:
            above.append((middle, end))
            end = middle
        else:
            above.append((start, middle))
            start = middle
            is_whole = False
    return ([] if is_whole else [(start, end)]) + above[::-1]


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a proof shows the leaf at ``index`` in the tree (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(
    *, first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether a proof shows that the first tree begins the second (RFC 9162 §2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        return False
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def range_root(start: int, end: int, perfect: RangeRoot) -> bytes:
    """Return the root over a proof's range, given the roots of its perfect subtrees."""
    parts = [perfect(*part) for part in perfect_ranges(start, end)]
    node = parts[-1]
    for left in reversed(parts[:-1]):
        node = node_hash(left, node)
    return node
