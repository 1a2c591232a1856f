"""Bodies of the signal endpoints."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from revctx.api.schemas import RequestModel, ResponseModel
from revctx.api.times import Instant
from signals.contracts import IngestStatus, PersonDraft, SignalDraft
from signals.models import Signal

Reference = Annotated[str, Field(min_length=1, max_length=200)]


class AccountReferences(RequestModel):
    """One or more names of the account, as the source knows it."""

    id: UUID | None = None
    crm_id: Reference | None = None
    external_id: Reference | None = None
    domain: Reference | None = None
    name: Reference | None = None

    @model_validator(mode="after")
    def _some_reference(self) -> Self:
        if not self.given():
            raise ValueError("at least one reference is needed")
        return self

    def given(self) -> dict[str, str]:
        """Return kind → value of the references that were given."""
        return {kind: str(value) for kind, value in vars(self).items() if value is not None}


class Person(RequestModel):
    """The person behind the signal."""

    email: Annotated[str, Field(min_length=3, max_length=320)]
    name: Annotated[str, Field(max_length=200)] = ""
    title: Annotated[str, Field(max_length=200)] = ""

    def to_draft(self) -> PersonDraft:
        """Return the person as the store takes them."""
        return PersonDraft(email=self.email, name=self.name, title=self.title)


class SignalRequest(RequestModel):
    """A signal to store."""

    source: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    type: Annotated[str, Field(min_length=1, max_length=64)]
    external_id: Annotated[str, Field(min_length=1, max_length=500)]
    occurred_at: Instant
    account: AccountReferences
    person: Person | None = None
    strength: Annotated[float, Field(gt=0, le=10, strict=True)] = 1.0
    attributes: Annotated[dict[str, Any], Field(max_length=50)] = {}

    def to_draft(self) -> SignalDraft:
        """Return the draft that the store takes."""
        return SignalDraft(
            source=self.source,
            type=self.type,
            external_id=self.external_id,
            occurred_at=self.occurred_at,
            account=self.account.given(),
            person=self.person.to_draft() if self.person else None,
            strength=self.strength,
            attributes=self.attributes,
        )


class SignalReceipt(ResponseModel):
    """What became of a signal; a duplicate names the first one's id."""

    id: UUID
    status: IngestStatus


class RejectedItem(ResponseModel):
    """A signal of a batch that was not stored."""

    index: int = Field(description="Place in the array, or number of the line that is not empty, from 0.")
    code: str
    message: str


class BatchReceipt(ResponseModel):
    """What became of the signals of a batch."""

    accepted: int
    duplicates: int
    conflicts: int
    rejected: list[RejectedItem]


class SignalResponse(ResponseModel):
    """A stored signal without its sealed part."""

    id: UUID
    source: str
    type: str
    account: dict[str, str]
    person: UUID | None = Field(description="Random id of the person, if the signal has one.")
    strength: float
    attributes: dict[str, Any]
    occurred_at: datetime
    received_at: datetime
    request_id: str
    conflicts_with: UUID | None = Field(
        description="The first version of the same event, if this is another."
    )

    @classmethod
    def of(cls, signal: Signal) -> Self:
        """Return a row as the API prints it."""
        return cls(person=signal.subject_id, **{name: getattr(signal, name) for name in _SAME_NAME})


class SignalPageResponse(ResponseModel):
    """One page of signals."""

    next: str | None = Field(description="Address of the next page.")
    results: list[SignalResponse]


class SignalDetailResponse(SignalResponse):
    """A stored signal with the other versions that were reported of its event."""

    conflicts: list[UUID]


_SAME_NAME = sorted(set(SignalResponse.model_fields) - {"person"})
