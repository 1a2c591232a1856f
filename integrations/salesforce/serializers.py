"""Bodies of the Salesforce door."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from revctx.api.schemas import ResponseModel


class OpportunityUpdate(BaseModel):
    """What a Salesforce flow posts; further keys are kept sealed. Describes, does not check."""

    model_config = ConfigDict(extra="allow")

    Id: str = Field(description="The opportunity.", examples=["oppty-123"])
    AccountId: str = Field(examples=["test-account-001"])
    StageName: str | None = Field(None, examples=["Demo Scheduled"])
    Amount: float | None = None
    LastModifiedDate: str | None = Field(None, description="ISO 8601 with zone.")
    ContactEmail: str | None = None
    ContactName: str | None = None
    ContactTitle: str | None = None


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
