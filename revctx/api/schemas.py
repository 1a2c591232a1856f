"""Base classes of request and answer bodies."""

from pydantic import BaseModel, ConfigDict


class RequestModel(BaseModel):
    """A body of ours: unknown keys are refused, texts are trimmed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, str_max_length=10_000)


class ResponseModel(BaseModel):
    """An answer of ours."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class ErrorDetail(ResponseModel):
    """What went wrong and what to do."""

    code: str
    message: str
    request_id: str
    fields: dict[str, str] | None = None


class ErrorBody(ResponseModel):
    """The body of every refusal."""

    error: ErrorDetail
