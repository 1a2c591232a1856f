"""Find whose addresses stand in a body that nobody understood. Pure.

What is missed here is out of an erasure's reach, and so is one that is read with a letter too many. Hence an
address is read as its writer meant it, whatever escapes, quotes and signs stand around it.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import unquote

from compliance.normalization import InvalidEmail, normalize_email

MAX_PERSONS = 50  # a body that names more is a list of addresses
# The domain ends at any sign that no domain holds; letters of other scripts belong to it.
_ADDRESS = re.compile(r'([^\s"<>()\[\],;:\\@]{1,64})@([^\s\x00-,/:-@\[-`{-\x7f]{1,190})')
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|[nrt])")
_IN_URL = re.compile(r"[/?&{|}]")
_FIELD = re.compile(r"^(?:\w+=)+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def read_addresses(body: bytes) -> dict[str, str] | None:
    """Return the addresses in a body as they stand there, by their normal form.

    None when they cannot be told: there are more than `MAX_PERSONS`, or the body is no text and holds an @,
    so that nobody can say where an address begins.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\x00"
    if _CONTROL.search(text):
        return None if b"@" in body else {}
    found: dict[str, str] = {}
    for part in _list_texts(text):
        for match in _ADDRESS.finditer(_unescape(part)):
            email = f"{_trim_local(match[1])}@{_trim_domain(match[2])}"
            try:
                found[normalize_email(email)] = email
            except InvalidEmail:
                continue
            if len(found) > MAX_PERSONS:
                return None
    return found


def _list_texts(text: str) -> Iterator[str]:
    """Return the texts of a JSON document, names of fields included; anything else as it is."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        yield text
        return
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            yield value


def _unescape(text: str) -> str:
    """Return a text without the escapes of JSON, HTML and URLs, which may also stand inside a text."""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", text)
    return unescape(unquote(plain)).replace("\uff20", "@")


def _trim_local(text: str) -> str:
    """Return a local part without what a URL or a sentence puts before it."""
    local = _FIELD.sub("", _IN_URL.split(text)[-1])
    begins = (
        n for n, letter in enumerate(local) if letter == "_" or unicodedata.category(letter)[0] not in "PS"
    )
    return local[next(begins, 0) :]


def _trim_domain(text: str) -> str:
    """Return a domain without the words or signs of another script that follow without a space."""
    *_, last = text.split(".")
    foreign = _NOT_ASCII.search(last)
    if foreign and foreign.start():
        text = text[: len(text) - len(last) + foreign.start()]
    return text.rstrip(".-")
