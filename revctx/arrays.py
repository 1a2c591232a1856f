"""PostgreSQL array literals, made in one go: psycopg's own list dumper costs a multiple a value."""

from collections.abc import Iterable
from typing import Any


def to_array(values: Iterable[Any]) -> str:
    """Return values as the text of an array, to be bound as ``%s::kind[]``.

    Texts, numbers, times, UUIDs, bytes and None; JSON as its text.

    Source: PostgreSQL manual, 8.15.6, Array Input and Output Syntax.
    """
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        if "\\" in value or '"' in value:
            value = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{value}"'
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    return f'"{value}"'
