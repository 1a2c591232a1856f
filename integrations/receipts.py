"""What a connector's door answers."""

from typing import Any
from uuid import UUID

from pydantic import Field

from revctx.api.schemas import ResponseModel


class StoredItem(ResponseModel):
    """A signal that a webhook led to."""

    id: UUID
    status: str = Field(description="accepted, duplicate or conflict")


class QuarantinedItem(ResponseModel):
    """A body that waits for somebody to look."""

    id: UUID
    reason: str


class WebhookReceipt(ResponseModel):
    """What became of a webhook."""

    signals: list[StoredItem] = []
    quarantined: list[QuarantinedItem] = []

    def printed(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        return self.model_dump(mode="json")


class ConnectorReceipt(WebhookReceipt):
    """What became of the events of a webhook."""

    noted: int = Field(0, description="Events that only told who belongs to whom.")
