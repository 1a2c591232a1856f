"""What the admin may save of a provider."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from integrations.enrichment.contracts import FIELDS

# Facts under these names outrank every provider's.
_TRUSTED = frozenset({"crm", "user"})


def check_not_trusted(slug: str) -> None:
    """Refuse a name whose facts would count as the CRM's or a person's."""
    if slug in _TRUSTED:
        raise ValidationError(f"{slug} is the name of a source that outranks providers.")


def check_address(text: str) -> None:
    """Refuse anything but an address with a host; plain http only outside of production."""
    try:
        url = urlsplit(text)
        is_whole = bool(url.hostname) and not (url.username or url.password or url.query or url.fragment)
    except ValueError:
        is_whole = False
    if not is_whole or url.scheme not in ("https", "http"):
        raise ValidationError("An address such as https://api.provider.example/v2, without a key in it.")
    if url.scheme == "http" and settings.PROFILE == "production":
        raise ValidationError("https: the key travels with every call.")


def check_key(key: str) -> None:
    """Refuse a key that no header can carry."""
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValidationError("A key is of printable ASCII characters without spaces.")


def check_fields(fields: Any) -> None:
    """Refuse anything but a list of facts that we can use."""
    if not isinstance(fields, list) or not fields or not set(map(str, fields)) <= set(FIELDS):
        raise ValidationError(f"A list of at least one of: {', '.join(FIELDS)}.")
