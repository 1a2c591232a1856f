"""Bodies of the Salesforce door."""

from pydantic import BaseModel, ConfigDict, Field


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
