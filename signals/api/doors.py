"""What the ingestion endpoints do with a request whose body has been read."""

from typing import Any

import pydantic
from django.utils import timezone

from revctx.api import backpressure, rate_limit
from revctx.api.errors import ApiError, Forbidden, PayloadTooLarge, Unavailable, Unprocessable
from revctx.api.models import ApiToken
from revctx.api.parsing import MAX_LINES, validate, wrong_fields
from signals.api.serializers import BatchReceipt, RejectedItem, SignalRequest
from signals.contracts import SignalDraft
from signals.normalization import InvalidDraft
from signals.services.ingest_batch import Refusal, ingest_batch
from signals.services.ingest_groups import WaitedTooLong
from signals.services.ingest_one import ingest_signal

MAX_BATCH = MAX_LINES
MAX_BATCH_BYTES = 5 * 1024 * 1024


def take_one(data: Any, token: ApiToken | None, actor: str) -> dict[str, Any]:
    """Store the signal of a body and return its receipt.

    Raises:
        ApiError: it was not stored; says why.
    """
    backpressure.check_room()
    rate_limit.charge(token, 1)
    draft = validate(SignalRequest, data).to_draft()
    if refusal := _check_source(token, draft.source):
        raise Forbidden(refusal.code, refusal.message)
    try:
        result = ingest_signal(draft=draft, actor=actor, now=timezone.now())
    except InvalidDraft as error:
        message = f"{error.field}: {error.message}."
        raise Unprocessable(error.code, message, fields={error.field: error.message}) from error
    except WaitedTooLong as error:
        raise Unavailable("busy", "The database is slow. Try again: no event is stored twice.") from error
    return {"id": str(result.signal_id), "status": result.status}


def take_many(data: Any, token: ApiToken | None, actor: str) -> dict[str, Any]:
    """Store the signals of a body that can be stored and tell about the others.

    Raises:
        ApiError: the body as a whole can't be taken; nothing was stored.
    """
    backpressure.check_room()
    if not isinstance(data, list):
        raise Unprocessable(
            "invalid", "The body must be an array of signals.", fields={"body": "not an array"}
        )
    if len(data) > MAX_BATCH:
        raise PayloadTooLarge("too_many_signals", f"A batch holds at most {MAX_BATCH} signals.")
    rate_limit.charge(token, len(data))
    drafts: dict[int, SignalDraft] = {}
    refused: dict[int, Refusal] = {}
    for index, item in enumerate(data):
        read = _read(token, item)
        if isinstance(read, Refusal):
            refused[index] = read
        else:
            drafts[index] = read
    result = ingest_batch(drafts=drafts, actor=actor, now=timezone.now())
    refused |= result.refused
    receipt = BatchReceipt(
        accepted=result.count("accepted"),
        duplicates=result.count("duplicate"),
        conflicts=result.count("conflict"),
        rejected=[
            RejectedItem(index=index, code=refusal.code, message=refusal.message)
            for index, refusal in sorted(refused.items())
        ],
    )
    return receipt.model_dump(mode="json")


def _read(token: ApiToken | None, item: Any) -> SignalDraft | Refusal:
    """Return the draft of one item of a batch, or why there is none."""
    if isinstance(item, ApiError):
        return Refusal(item.code, item.message)
    try:
        draft = SignalRequest.model_validate(item).to_draft()
    except pydantic.ValidationError as error:
        problems = (f"{field}: {problem}" for field, problem in wrong_fields(error).items())
        return Refusal("invalid", "; ".join(problems)[:500])
    return _check_source(token, draft.source) or draft


def _check_source(token: ApiToken | None, source: str) -> Refusal | None:
    """Refuse a source that the caller's token is not for."""
    allowed = token.source if token else ""
    if allowed and allowed != source:
        return Refusal("wrong_source", f"This token writes signals of {allowed} only.")
    return None
