"""A checkpoint: what one seal says, as a C2SP checkpoint with extension lines, to be signed as a note.

    revctx/audit
    1042
    <root, base64>
    previous 1040 <root, base64>
    time 2026-11-22T14:50:29.123456Z
    partition 2026-11 1042
    retired 2019-10 88

``partition`` counts the sealed rows by month of ``recorded_at`` since the beginning; ``retired`` lists the
months that retention has dropped or may drop now, with the rows they held.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from compliance.sealing.keys import ORIGIN, InvalidNote, SignedText


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The first ``size`` leaves have this ``root``; the seal before it said ``previous``."""

    size: int
    root: bytes
    previous_size: int
    previous_root: bytes
    sealed_at: datetime
    counts: Mapping[str, int] = field(default_factory=dict)
    retired: Mapping[str, int] = field(default_factory=dict)

    def to_text(self) -> str:
        """Return the text that is signed."""
        lines = [
            ORIGIN,
            str(self.size),
            _encode(self.root),
            f"previous {self.previous_size} {_encode(self.previous_root)}",
            f"time {self.sealed_at.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z",
            *(f"partition {month} {count}" for month, count in sorted(self.counts.items())),
            *(f"retired {month} {count}" for month, count in sorted(self.retired.items())),
        ]
        return "\n".join(lines) + "\n"

    def to_json(self, key_id: str, signature: bytes) -> dict[str, Any]:
        """Return what is published: all that the signed text can be written from again."""
        return {
            "tree_size": self.size,
            "root_hash": self.root.hex(),
            "previous_size": self.previous_size,
            "previous_root_hash": self.previous_root.hex(),
            "sealed_at": self.sealed_at.astimezone(UTC).isoformat(),
            "partitions": dict(self.counts),
            "retired": dict(self.retired),
            "key_id": key_id,
            "signature": _encode(signature),
        }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the signed text.

        Raises:
            InvalidNote: it is no checkpoint of this log.
        """
        lines = text.splitlines()
        try:
            if lines[0] != ORIGIN:
                raise InvalidNote(f"not a checkpoint of {ORIGIN}")
            _, previous_size, previous_root = lines[3].split(" ")
            found = cls(
                size=int(lines[1]),
                root=_decode(lines[2]),
                previous_size=int(previous_size),
                previous_root=_decode(previous_root),
                sealed_at=datetime.fromisoformat(lines[4].removeprefix("time ")),
                counts=_months(lines[5:], "partition"),
                retired=_months(lines[5:], "retired"),
            )
        except (IndexError, ValueError) as error:
            raise InvalidNote("not a checkpoint") from error
        if found.to_text() != text:
            raise InvalidNote("a checkpoint is written in one way only")
        return found


def read_note(note: str) -> tuple[Checkpoint, SignedText]:
    """Return the checkpoint in a signed note, its signatures unchecked.

    Raises:
        InvalidNote: it is not a signed checkpoint.
    """
    signed = SignedText.parse(note)
    return Checkpoint.parse(signed.text), signed


def _months(lines: list[str], kind: str) -> dict[str, int]:
    found = {}
    for line in lines:
        name, month, count = line.split(" ")
        if name == kind:
            found[month] = int(count)
    return found


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _decode(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise InvalidNote("a hash is not base64") from error
