"""An export as a page that a person can read without tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string


@dataclass(frozen=True)
class Row:
    """One value and the way to it, such as ``3 › occurred at``."""

    label: str
    text: str


def render_export(document: Mapping[str, Any]) -> str:
    """Return the whole page; every value is escaped."""
    sections = [(name, list(flatten(value))) for name, value in document["sections"].items()]
    return render_to_string("compliance/export.html", {"document": document, "sections": sections})


def flatten(value: Any, path: tuple[str, ...] = ()) -> Iterator[Row]:
    """Yield every single value of nested lists and objects, in order."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flatten(inner, (*path, str(key).replace("_", " ")))
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from flatten(inner, (*path, str(number)))
    else:
        yield Row(" › ".join(path), "–" if value in (None, "") else str(value))
