"""Strict reading of JSON: what can't be stored or compared is refused at the door."""

import json
import math
import re
from collections.abc import Callable
from itertools import islice
from typing import IO, Any, NoReturn, TypeVar

import pydantic
from rest_framework.parsers import BaseParser

from revctx.api.errors import ApiError, BadRequest, PayloadTooLarge, Unprocessable

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_LINES = 1_000
_MAX_INTEGER_DIGITS = 30

Model = TypeVar("Model", bound=pydantic.BaseModel)


def parse_json(raw: bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """Read one JSON document.

    Raises:
        PayloadTooLarge: over `max_bytes`.
        BadRequest: not UTF-8, not JSON, nested deeper than 32, a NUL character, a number that
            is not finite, or an object that names a key twice.
    """
    check_size(raw, max_bytes)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest("invalid_encoding", "The body is not valid UTF-8.") from error
    if _depth(raw, text) > MAX_DEPTH:
        raise BadRequest("too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")
    try:
        document = _decode(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest("invalid_json", f"The body is not valid JSON: {error}") from error
    if "\\u" in text:  # raw control characters are no JSON, and UTF-8 has no half pairs
        _refuse_nul(document)
    return document


def validate(model: type[Model], data: Any) -> Model:
    """Check a parsed document against a pydantic model.

    Raises:
        Unprocessable: with one line a wrong field; values are not repeated.
    """
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as error:
        fields = wrong_fields(error)
        raise Unprocessable("invalid", "The body does not fit; see fields.", fields=fields) from error


def wrong_fields(error: pydantic.ValidationError) -> dict[str, str]:
    """Return field → what is wrong with it; values are not repeated."""
    return {
        ".".join(str(part) for part in problem["loc"]) or "body": problem["msg"]
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    }


def read_json(raw: bytes, max_bytes: int = MAX_BYTES) -> Any:
    """Read a body; an empty one is an empty object.

    Raises:
        ApiError: as `parse_json`.
    """
    return parse_json(raw, max_bytes=max_bytes) if raw else {}


def read_ndjson(raw: bytes, max_bytes: int = MAX_BYTES) -> list[Any]:
    """Read one document a line, at most `MAX_LINES` and one; empty lines don't count.

    Returns for each line its document, or the `ApiError` that refuses it.

    Raises:
        PayloadTooLarge: over `max_bytes`.
    """
    check_size(raw, max_bytes)
    lines = (line for line in raw.split(b"\n") if line.strip())
    return [_parse_line(line) for line in islice(lines, MAX_LINES + 1)]


PARSERS: dict[str, Callable[[bytes, int], Any]] = {
    "application/json": read_json,
    "application/x-ndjson": read_ndjson,
}


class StrictJSONParser(BaseParser):
    """DRF parser on `read_json`."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Read the body, at most one byte more than allowed."""
        max_bytes = getattr((parser_context or {}).get("view"), "max_body_bytes", MAX_BYTES)
        return PARSERS[self.media_type](stream.read(max_bytes + 1), max_bytes)


class NDJSONParser(StrictJSONParser):
    """DRF parser on `read_ndjson`."""

    media_type = "application/x-ndjson"


def _parse_line(line: bytes) -> Any:
    try:
        return parse_json(line)
    except ApiError as error:
        return error


def check_size(raw: bytes, max_bytes: int) -> None:
    """Refuse a body over the limit.

    Raises:
        PayloadTooLarge: it is.
    """
    if len(raw) > max_bytes:
        raise PayloadTooLarge("payload_too_large", f"The body is over {max_bytes} bytes.")


# Whatever follows a quote matches, up to the body's end, and never gives back: else each quote of a text that
# does not end would be tried anew, and 256 KiB of them would take minutes.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKET = re.compile(r"[^\[\]{}]+")
_UNMARKED = bytes(set(range(256)) - set(b'[]{}"\\'))


def _depth(raw: bytes, text: str) -> int:
    """Return the deepest nesting, or a bound below `MAX_DEPTH`; brackets inside strings don't count."""
    opening = raw.count(b"{") + raw.count(b"[")
    if opening < MAX_DEPTH:
        return opening  # nothing is nested deeper than there are brackets
    deepest = depth = 0
    for bracket in _brackets(raw, text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _brackets(raw: bytes, text: str) -> str:
    """Return the brackets outside of strings.

    When all else is deleted, the quotes between two of them are even in number, unless a string holds one.
    So where quotes leave no rest and nothing is escaped, no string has to be looked for.
    """
    marks = raw.translate(None, _UNMARKED).replace(b'""', b"")
    if b'"' not in marks and b"\\" not in marks:
        return marks.decode()
    return _NOT_BRACKET.sub("", _STRING.sub("", text))


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("an object names a key twice")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _bounded_integer(text: str) -> int:
    if len(text) > _MAX_INTEGER_DIGITS:
        raise ValueError("an integer is too large")
    return int(text)


# Made once: `json.loads` with hooks makes a decoder a call.
_decode = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_constant=_refuse_constant,
    parse_float=_finite,
    parse_int=_bounded_integer,
).decode


def _refuse_nul(document: Any) -> None:
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, str) and ("\x00" in value or _has_surrogate(value)):
            raise BadRequest("invalid_text", "A text holds a NUL or half a surrogate pair.")
        if isinstance(value, dict):
            pending.extend(value.keys())
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
