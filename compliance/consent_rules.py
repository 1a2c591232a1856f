"""What a consent may be about, and how its fields must look. Pure."""

from __future__ import annotations

import re

DEFAULT_PURPOSE = "outreach"
DEFAULT_CHANNEL = "email"
PURPOSES = ("outreach", "enrichment", "analytics")
CHANNELS = ("email", "phone", "messaging", "post")
LAWFUL_BASES = ("consent",)

_CHOICES = {"purpose": PURPOSES, "channel": CHANNELS, "lawful_basis": LAWFUL_BASES}
# Source and notice go into the audit log, hence no free text that could hold an address.
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}")
_JURISDICTION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


class InvalidConsent(ValueError):
    """A statement cannot be recorded as given; ``field`` says which part."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


def check_choice(field: str, value: str) -> None:
    """Refuse a purpose, channel or lawful basis that is not known.

    Raises:
        InvalidConsent: with the known ones.
    """
    if value not in _CHOICES[field]:
        raise InvalidConsent(field, f"is one of {', '.join(_CHOICES[field])}")


def check_label(field: str, value: str) -> None:
    """Refuse a source or notice version that is not a short label.

    Raises:
        InvalidConsent: with the allowed form.
    """
    if not _LABEL.fullmatch(value):
        raise InvalidConsent(field, "is 1 to 64 letters, digits, blanks and . _ : / -")


def check_jurisdiction(code: str) -> None:
    """Refuse what is no jurisdiction code; whether it is known is the decision's business.

    Raises:
        InvalidConsent: with examples.
    """
    if not _JURISDICTION.fullmatch(code):
        raise InvalidConsent("jurisdiction", "is a code such as DE, UK or US-CA")
