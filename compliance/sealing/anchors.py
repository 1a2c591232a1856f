"""What the sealer writes outside of the database: leaf hashes, signed checkpoints, keys.

In the folder: ``leaves-NNNNNNNNNNNN.bin`` (32 bytes a leaf, a million leaves a file, named by the first one),
``checkpoints-YYYY-MM.jsonl`` and ``keys.jsonl`` (one signed note a line, as a JSON string) and ``key.pub``.
Files only grow, so the folder may lie on storage that refuses to overwrite.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LEAF_BYTES = 32
SEGMENT_LEAVES = 1_000_000


class AnchorConflict(Exception):
    """The anchors hold something else than the database; somebody changed one of the two."""


@dataclass(frozen=True)
class Anchors:
    """The folder of the anchors."""

    folder: Path

    @property
    def key_path(self) -> Path:
        """Return the file with the first public key."""
        return self.folder / "key.pub"

    def count_leaves(self) -> int:
        """Return how many whole leaves are anchored."""
        segments = sorted(self.folder.glob("leaves-*.bin"))
        if not segments:
            return 0
        first = int(segments[-1].stem.removeprefix("leaves-"))
        return first + segments[-1].stat().st_size // LEAF_BYTES

    def read_leaves(self, start: int, end: int) -> bytes:
        """Return the anchored leaf hashes from ``start`` up to ``end``, as far as they go, end to end."""
        parts = []
        for segment in _segments(start, end):
            path = self._segment(segment.first)
            if path.exists():
                with path.open("rb") as file:
                    file.seek(segment.offset)
                    parts.append(file.read(segment.length))
        found = b"".join(parts)
        return found[: len(found) - len(found) % LEAF_BYTES]

    def append_leaves(self, start: int, leaves: Sequence[bytes]) -> None:
        """Anchor leaves from index ``start`` on and wait for the disk; what is there already must be equal.

        Raises:
            AnchorConflict: other leaves are anchored there, or some before ``start`` are missing.
        """
        data = b"".join(leaves)
        known = self.read_leaves(start, start + len(leaves))
        if not data.startswith(known) or self.count_leaves() < start:
            raise AnchorConflict(f"the anchors do not fit the database at leaf {start}")
        done = len(known) // LEAF_BYTES
        for segment in _segments(start + done, start + len(leaves)):
            begin = (segment.first + segment.offset // LEAF_BYTES - start) * LEAF_BYTES
            _append(self._segment(segment.first), data[begin : begin + segment.length], whole=segment.offset)

    def read_checkpoints(self) -> Iterator[str]:
        """Yield the anchored checkpoint notes, the oldest first."""
        for path in sorted(self.folder.glob("checkpoints-*.jsonl")):
            yield from _read_notes(path)

    def read_last_checkpoint(self) -> str | None:
        """Return the newest anchored checkpoint note."""
        for path in sorted(self.folder.glob("checkpoints-*.jsonl"), reverse=True):
            if notes := list(_read_notes(path)):
                return notes[-1]
        return None

    def append_checkpoint(self, note: str, *, month: str) -> None:
        """Anchor a checkpoint of a month (YYYY-MM) and wait for the disk."""
        _append_note(self.folder / f"checkpoints-{month}.jsonl", note)

    def read_rotations(self) -> list[str]:
        """Return the anchored key rotations, the oldest first."""
        return list(_read_notes(self.folder / "keys.jsonl"))

    def append_rotation(self, note: str) -> None:
        """Anchor a key rotation and wait for the disk."""
        _append_note(self.folder / "keys.jsonl", note)

    def read_first_key(self) -> str | None:
        """Return the first public key, if one was written."""
        return self.key_path.read_text().strip() if self.key_path.exists() else None

    def write_first_key(self, key: str) -> None:
        """Keep the first public key; a later one never replaces it."""
        if not self.key_path.exists():
            _append(self.key_path, (key + "\n").encode())

    def _segment(self, first: int) -> Path:
        return self.folder / f"leaves-{first:012d}.bin"


@dataclass(frozen=True)
class _Segment:
    """A part of one file, bytes."""

    first: int
    offset: int
    length: int


def _segments(start: int, end: int) -> Iterator[_Segment]:
    while start < end:
        first = start - start % SEGMENT_LEAVES
        stop = min(end, first + SEGMENT_LEAVES)
        yield _Segment(first, (start - first) * LEAF_BYTES, (stop - start) * LEAF_BYTES)
        start = stop


def _append(path: Path, data: bytes, *, whole: int | None = None) -> None:
    """Append and wait for the disk; ``whole`` is where a write that was cut short must be cut off."""
    is_new = not path.exists()
    with path.open("ab") as file:
        if whole is not None and file.tell() > whole:
            file.truncate(whole)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _append_note(path: Path, note: str) -> None:
    """Append a line; a line that was cut short is ended first, and skipped by readers."""
    torn = False
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
    _append(path, (b"\n" if torn else b"") + (json.dumps(note) + "\n").encode())


def _read_notes(path: Path) -> Iterator[str]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield str(json.loads(line))
        except json.JSONDecodeError:
            continue  # the last line of a write that was cut short; the seal after it wrote it again
