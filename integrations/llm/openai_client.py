"""Structured output from any OpenAI-compatible server, within one deadline and with one retry."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
import pydantic
from django.conf import settings

from integrations.http import TooLarge, TooSlow, create_client, read_within
from integrations.llm.breaker import Breaker
from integrations.llm.prices import price_call

Model = TypeVar("Model", bound=pydantic.BaseModel)
BREAKER = Breaker(name="llm")
MAX_ATTEMPTS = 2


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What one call took: tokens as the server billed them, micro-dollars, milliseconds."""

    model: str
    finish_reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    micro_dollars: int = 0
    price_version: str = ""
    latency_ms: int = 0


class LlmFailed(Exception):
    """No usable answer.

    Args:
        reason: refused, truncated, malformed, timeout, unavailable, breaker_open or rejected_request.
    """

    def __init__(self, reason: str, usage: Usage) -> None:
        """Keep the reason and what the call took."""
        super().__init__(reason)
        self.reason, self.usage = reason, usage


def is_configured() -> bool:
    """Tell whether a key is set."""
    return bool(settings.OPENAI_API_KEY)


def complete_structured(
    *,
    messages: Sequence[dict[str, str]],
    schema: type[Model],
    max_output_tokens: int,
    deadline_seconds: float,
) -> tuple[Model, Usage]:
    """Ask for one object of `schema`.

    Raises:
        LlmFailed: with a reason; time-outs and 5xx count against the breaker.
    """
    started = time.monotonic()
    if BREAKER.is_open():
        raise LlmFailed("breaker_open", Usage(model=settings.OPENAI_MODEL))
    try:
        body = _request(messages, schema, max_output_tokens, deadline=started + deadline_seconds)
    except LlmFailed as error:
        if error.reason in {"timeout", "unavailable"}:
            BREAKER.record_failure()
        raise LlmFailed(
            error.reason, Usage(model=settings.OPENAI_MODEL, latency_ms=_since(started))
        ) from error
    BREAKER.record_success()
    return _read(body, schema, latency_ms=_since(started))


def _request(
    messages: Sequence[dict[str, str]], schema: type[Model], max_output_tokens: int, *, deadline: float
) -> bytes:
    import openai  # costs a second, and only processes that draft need it

    remaining = deadline - time.monotonic()
    http_client = create_client(timeout_seconds=remaining)
    with openai.OpenAI(
        api_key=settings.OPENAI_API_KEY,
        base_url=settings.OPENAI_BASE_URL,
        max_retries=0,
        http_client=http_client,
    ) as client:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return _call(client, messages, schema, max_output_tokens, deadline)
            except openai.APITimeoutError as error:
                raise _failed("timeout") from error
            except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as error:
                if attempt == MAX_ATTEMPTS or time.monotonic() >= deadline:
                    raise _failed("unavailable") from error
            except openai.APIStatusError as error:
                raise _failed("rejected_request") from error
            except (TooSlow, httpx2.TimeoutException) as error:
                raise _failed("timeout") from error
            except (TooLarge, httpx2.HTTPError) as error:
                raise _failed("unavailable") from error
    raise _failed("unavailable")


def _call(
    client: Any,
    messages: Sequence[dict[str, str]],
    schema: type[Model],
    max_output_tokens: int,
    deadline: float,
) -> bytes:
    remaining = max(deadline - time.monotonic(), 0.1)
    response_format = {
        "type": "json_schema",
        "json_schema": {"name": schema.__name__, "strict": True, "schema": schema.model_json_schema()},
    }
    with client.chat.completions.with_streaming_response.create(
        model=settings.OPENAI_MODEL,
        messages=list(messages),
        response_format=response_format,
        max_completion_tokens=max_output_tokens,
        timeout=httpx2.Timeout(remaining, connect=min(3.0, remaining)),
    ) as response:
        return read_within(response.http_response, deadline=deadline)


def _read(body: bytes, schema: type[Model], *, latency_ms: int) -> tuple[Model, Usage]:
    """Take the object out of a chat completion.

    Raises:
        LlmFailed: refused, truncated or malformed.
    """
    unread = Usage(model=settings.OPENAI_MODEL, latency_ms=latency_ms)
    try:
        document = json.loads(body)
        choice = document["choices"][0]
        message = choice["message"]
        refusal, content = message.get("refusal"), str(message.get("content") or "")
        usage = _usage(document, str(choice.get("finish_reason") or ""), latency_ms)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise LlmFailed("malformed", unread) from error
    if refusal or usage.finish_reason == "content_filter":
        raise LlmFailed("refused", usage)
    if usage.finish_reason == "length":
        raise LlmFailed("truncated", usage)
    try:
        return schema.model_validate_json(content), usage
    except pydantic.ValidationError as error:
        raise LlmFailed("malformed", usage) from error


def _usage(document: dict[str, Any], finish_reason: str, latency_ms: int) -> Usage:
    reported = document.get("usage") or {}
    tokens_in = int(reported.get("prompt_tokens") or 0)
    tokens_out = int(reported.get("completion_tokens") or 0)
    spent, version = price_call(input_tokens=tokens_in, output_tokens=tokens_out)
    return Usage(
        model=settings.OPENAI_MODEL,
        finish_reason=finish_reason,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        micro_dollars=spent,
        price_version=version,
        latency_ms=latency_ms,
    )


def _failed(reason: str) -> LlmFailed:
    return LlmFailed(reason, Usage(model=settings.OPENAI_MODEL))


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
