"""Reduce a job title to a class that tells nothing about the person. Pure."""

import re

# The first match wins, so the higher role comes first.
_CLASSES = (
    ("c_level", r"\b(chief|ceo|cto|cfo|coo|cmo|cro|cio|ciso|founder|co-founder|owner|president)\b"),
    ("vp", r"\b(vp|svp|evp|vice president)\b"),
    ("director", r"\b(director|head)\b"),
    ("manager", r"\b(manager|lead|supervisor)\b"),
)
_VICE = re.compile(r"\bvice president\b")


def classify_title(title: str) -> str:
    """Return c_level, vp, director, manager, other, or unknown for an empty title."""
    text = title.casefold().strip()
    if not text:
        return "unknown"
    if _VICE.search(text):
        return "vp"
    return next((name for name, pattern in _CLASSES if re.search(pattern, text)), "other")
