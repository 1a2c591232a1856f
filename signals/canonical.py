"""The one printed form of a JSON value, under which signals are compared and hashed. Pure."""

from typing import Any

from revctx.json_text import make_encoder

_encode = make_encoder(sort_keys=True, compact=True)


def canonical_json(value: Any) -> bytes:
    """Return the one byte form of a JSON value; 5 and 5.0 are the same number, as in PostgreSQL."""
    return canonical_text(value).encode()


def canonical_text(value: Any) -> str:
    """Return `canonical_json` as text."""
    text = _encode(value)
    # Only a float without fraction prints another way, and all those print one of these.
    return _encode(_canonical(value)) if ".0" in text or "e+" in text else text


def plain_number(value: float) -> float:
    """Return a number as `canonical_json` prints it, which spares it the slower way."""
    return int(value) if value.is_integer() else value


def _canonical(value: Any) -> Any:
    # By class, not isinstance: this runs for every value of every signal.
    kind = value.__class__
    if kind is float:
        return plain_number(value)
    if kind is dict:
        return {key: _canonical(item) for key, item in value.items()}
    if kind is list:
        return [_canonical(item) for item in value]
    return value
