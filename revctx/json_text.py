"""JSON for many small documents: `json.dumps` makes a new encoder a call, which costs twice the encoding."""

import json
import json.encoder
from collections.abc import Callable
from typing import Any

# A text as JSON prints it, its non-ASCII characters as they are.
quote: Callable[[str], str] = json.encoder.encode_basestring


def make_encoder(
    *, sort_keys: bool = False, ensure_ascii: bool = False, compact: bool = False
) -> Callable[[Any], str]:
    """Return a function that prints what `json.JSONEncoder` of the same settings would print.

    Circular documents are not looked for.
    """
    separators = (",", ":") if compact else (", ", ": ")
    plain = json.JSONEncoder(sort_keys=sort_keys, ensure_ascii=ensure_ascii, separators=separators)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    quote = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    item, key = separators
    kept = make(None, plain.default, quote, None, key, item, sort_keys, False, True)

    def encode(document: Any) -> str:
        return "".join(kept(document, 0))

    return encode
