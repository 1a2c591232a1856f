"""The envelope of every event: CloudEvents 1.0, structured JSON."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

from revctx.api.errors import ApiError
from revctx.api.parsing import parse_json
from revctx.eventbus.topics import TOPICS
from revctx.json_text import make_encoder
from revctx.observability.context import get_request_id
from revctx.randomness import draw_bytes

SPEC_VERSION = "1.0"
SOURCE = "/revctx"
_encode = make_encoder(ensure_ascii=True, compact=True)
_LONGEST = {"id": 36, "type": 64, "subject": 255, "time": 40, "requestid": 128}  # characters


def new_event_ids(count: int) -> Iterator[UUID]:
    """Return the ids of so many events that are made together."""
    return (UUID(bytes=random, version=4) for random in draw_bytes(length=16, count=count))


class InvalidEvent(ValueError):
    """A record that is no event of ours."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """A fact that happened, told with ids and numbers only, never with personal data.

    Args:
        type: one of `topics.TOPICS`; also the Kafka topic.
        key: partition key: the account reference, for consent and erasure the subject's id.
    """

    type: str
    key: str
    data: dict[str, Any]
    occurred_at: datetime
    id: UUID = field(default_factory=uuid4)
    request_id: str = field(default_factory=get_request_id)

    def __post_init__(self) -> None:
        """Refuse a type that is no topic."""
        if self.type not in TOPICS:
            raise InvalidEvent(f"{self.type!r} is no topic of ours.")

    def to_json(self) -> bytes:
        """Print the structured CloudEvents form (CloudEvents 1.0.2, JSON event format)."""
        return _encode(
            {
                "specversion": SPEC_VERSION,
                "id": str(self.id),
                "source": SOURCE,
                "type": self.type,
                "subject": self.key,
                "time": self.occurred_at.isoformat(),
                "datacontenttype": "application/json",
                "requestid": self.request_id,
                "data": self.data,
            }
        ).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Read the structured form.

        Raises:
            InvalidEvent: it is not JSON, lacks an attribute, is of another version or type, or holds
                what no table of ours can.
        """
        try:
            document = parse_json(raw)
            _check(document)
            return cls(
                id=UUID(document["id"]),
                type=document["type"],
                key=document["subject"],
                data=document["data"],
                occurred_at=datetime.fromisoformat(document["time"]).astimezone(UTC),
                request_id=document.get("requestid", ""),
            )
        except (ApiError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidEvent(f"Not a CloudEvent of ours: {type(error).__name__}.") from error


def _check(document: dict[str, Any]) -> None:
    """Refuse what PostgreSQL would refuse later, when one such record would stop its whole group.

    Raises:
        ValueError: an attribute is of another kind or too long.
    """
    if document["specversion"] != SPEC_VERSION or not isinstance(document["data"], dict):
        raise ValueError("another version, or data that are no object")
    for name, longest in _LONGEST.items():
        text = document.get(name, "")
        if not isinstance(text, str) or len(text) > longest:
            raise ValueError(f"{name} is no text, or too long")
