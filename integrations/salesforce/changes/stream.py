"""What a stream of changes is to us, whoever carries it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol


class StreamLost(Exception):
    """The stream ended or never began; subscribing again from the cursor loses nothing."""

    def __init__(self, code: str) -> None:
        """Keep a short code."""
        super().__init__(code)
        self.code = code


class PositionLost(Exception):
    """The position that we asked for is no longer kept; changes after it may be missing for good."""


@dataclass(frozen=True, kw_only=True)
class ReceivedChange:
    """One event: its position, and its decoded fields or, where they can't be decoded, None.

    In `payload`, `ChangeEventHeader.changedFields` holds names, not the bitmaps of the wire.
    """

    replay_id: bytes
    payload: dict[str, Any] | None
    raw: bytes = b""


@dataclass(frozen=True, kw_only=True)
class ChangePage:
    """Events in order, often none: then it only says how far the stream is."""

    changes: tuple[ReceivedChange, ...]
    position: bytes


class ChangeStream(Protocol):
    """A subscription that can be made again and again."""

    def read(self, *, topic: str, after: bytes | None) -> Iterator[ChangePage]:
        """Yield pages as they come, the next one asked for only when the last was taken.

        `after` is the position to go on behind; None begins with what happens from now on, empty with
        the oldest that is kept.

        Raises:
            StreamLost: subscribe again.
            PositionLost: subscribe again from the oldest.
        """

    def close(self) -> None:
        """End a running `read`, from any thread."""
