"""Keyed hashes by which signals about one thing find each other, such as an opportunity. Pure."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from signals.contracts import SignalDraft

REFERENCE = "reference"  # kind of an attribute, and its format in a payload schema
DIGITS = 24  # of the hash, hexadecimal: 96 bits


def make_references(draft: SignalDraft, *, kinds: Mapping[str, str], key: bytes) -> dict[str, str]:
    """Return the references of a draft, by attribute.

    The thing is named by the attribute, else by the external id; both stay sealed. What may be an address
    names nothing. Without a key there are none.
    """
    references = {}
    for name, kind in kinds.items():
        if kind != REFERENCE or not key:
            continue
        value = draft.attributes.get(name, draft.external_id)
        if isinstance(value, str) and value and "@" not in value:
            message = f"{REFERENCE}\x00{draft.source}\x00{name}\x00{value}".encode()
            references[name] = hmac.digest(key, message, hashlib.sha256).hex()[:DIGITS]
    return references


def string_kind(rule: Mapping[str, Any]) -> str:
    """Return the kind of a text that is no code, by its rule in a payload schema."""
    return REFERENCE if rule.get("format") == REFERENCE else "date"
