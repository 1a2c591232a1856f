"""What the sealer writes outside of the database: leaf hashes, signed checkpoints, keys.

In the folder: ``leaves-NNNNNNNNNNNN.bin`` (32 bytes a leaf, a million leaves a file, named by the first one),
``copies-NNNNNNNNNNNN.bin`` (the same leaves as they came by Kafka, zeros where none came),
``checkpoints-YYYY-MM.jsonl`` and ``keys.jsonl`` (one signed note a line, as a JSON string) and ``key.pub``.
Files only grow, so the folder may lie on storage that refuses to overwrite.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEAF_BYTES = 32
SEGMENT_LEAVES = 1_000_000
TAIL_BYTES = 65_536
NO_COPY = bytes(LEAF_BYTES)


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
        return self._count("leaves")

    def count_copies(self) -> int:
        """Return for how many leaves it is settled whether Kafka brought a copy."""
        return self._count("copies")

    def _count(self, kind: str) -> int:
        segments = sorted(self.folder.glob(f"{kind}-*.bin"))
        if not segments:
            return 0
        first = int(segments[-1].stem.removeprefix(f"{kind}-"))
        return first + segments[-1].stat().st_size // LEAF_BYTES

    def read_leaves(self, start: int, end: int) -> bytes:
        """Return the anchored leaf hashes from ``start`` up to ``end``, as far as they go, end to end."""
        return self._read("leaves", start, end)

    def read_copies(self, start: int, end: int) -> bytes:
        """Return the copies of leaves from ``start`` up to ``end``, as far as they go; zeros for none."""
        return self._read("copies", start, end)

    def _read(self, kind: str, start: int, end: int) -> bytes:
        parts = []
        for segment in _segments(start, end):
            path = self._segment(kind, segment.first)
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
        self._write("leaves", start + len(known) // LEAF_BYTES, data[len(known) :])

    def append_copies(self, copies: Sequence[bytes]) -> None:
        """Anchor the copies of the next leaves, zeros for those that have none."""
        self._write("copies", self.count_copies(), b"".join(copies))

    def _write(self, kind: str, start: int, data: bytes) -> None:
        for segment in _segments(start, start + len(data) // LEAF_BYTES):
            begin = (segment.first + segment.offset // LEAF_BYTES - start) * LEAF_BYTES
            path = self._segment(kind, segment.first)
            _append(path, data[begin : begin + segment.length], whole=segment.offset)

    def read_checkpoints(self) -> Iterator[str]:
        """Yield the anchored checkpoint notes, the oldest first."""
        for note, _ in self.read_notes(["", 0]):
            yield note

    def read_notes(self, place: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
        """Yield the checkpoint notes from a place (file name, byte) on, each with the place behind it."""
        name, offset = place
        for path in sorted(self.folder.glob("checkpoints-*.jsonl")):
            if path.name >= name:
                for note, end in _read_notes(path, offset if path.name == name else 0):
                    yield note, [path.name, end]

    def read_last_checkpoint(self) -> str | None:
        """Return the newest anchored checkpoint note."""
        for path in sorted(self.folder.glob("checkpoints-*.jsonl"), reverse=True):
            end = path.stat().st_size
            for start in (max(0, end - TAIL_BYTES), 0):
                if notes := [note for note, _ in _read_notes(path, start)]:
                    return notes[-1]
        return None

    def append_checkpoint(self, note: str, *, month: str) -> None:
        """Anchor a checkpoint of a month (YYYY-MM) and wait for the disk."""
        _append_note(self.folder / f"checkpoints-{month}.jsonl", note)

    def read_rotations(self) -> list[str]:
        """Return the anchored key rotations, the oldest first."""
        return [note for note, _ in _read_notes(self.folder / "keys.jsonl")]

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

    def _segment(self, kind: str, first: int) -> Path:
        return self.folder / f"{kind}-{first:012d}.bin"


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


def _read_notes(path: Path, start: int = 0) -> Iterator[tuple[str, int]]:
    """Yield the notes of the lines from a byte on, each with the byte behind it."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            start += len(line)
            try:
                yield str(json.loads(line)), start
            except ValueError:
                continue  # the last line of a write that was cut short; the seal after it wrote it again
