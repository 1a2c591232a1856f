"""Names that sources have for an account, in the form in which they are compared. Pure."""

import unicodedata
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

# The strongest first: a signal with several references belongs to the account of the first one known.
PRECEDENCE = ("crm_id", "domain", "external_id", "name")

# Mailbox providers: thousands of companies share them, so they name none.
FREE_MAIL_DOMAINS = frozenset(
    [
        "126.com",
        "163.com",
        "aol.com",
        "fastmail.com",
        "free.fr",
        "gmail.com",
        "gmx.at",
        "gmx.ch",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hey.com",
        "hotmail.co.uk",
        "hotmail.com",
        "hotmail.fr",
        "icloud.com",
        "laposte.net",
        "libero.it",
        "live.com",
        "mac.com",
        "mail.com",
        "mail.ru",
        "me.com",
        "msn.com",
        "naver.com",
        "orange.fr",
        "outlook.com",
        "outlook.de",
        "pm.me",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "rediffmail.com",
        "t-online.de",
        "web.de",
        "yahoo.co.in",
        "yahoo.co.uk",
        "yahoo.com",
        "yahoo.de",
        "yandex.com",
        "yandex.ru",
        "ymail.com",
        "zoho.com",
    ]
)


class Alias(NamedTuple):
    """A kind of reference and its value, normalised."""

    kind: str
    value: str


def list_aliases(references: Mapping[str, str]) -> tuple[UUID | None, list[Alias]]:
    """Return the account id, if the references name one, and the usable aliases, strongest first."""
    aliases = [
        Alias(kind, value)
        for kind in PRECEDENCE
        if kind in references and (value := normalize_alias(kind, references[kind]))
    ]
    return find_id(references.get("id", "")), aliases


def normalize_alias(kind: str, value: str) -> str:
    """Return the comparable form: domains and names without case, ids as given; '' when it names nobody."""
    text = " ".join(unicodedata.normalize("NFC", value).split())
    if kind == "domain":
        text = text.lower().rstrip(".").removeprefix("www.")
        return "" if text in FREE_MAIL_DOMAINS else text
    return text.casefold() if kind == "name" else text


def find_id(text: str) -> UUID | None:
    """Return the account id that a text spells, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None


def display_name(references: Mapping[str, str]) -> str:
    """Return the most readable name that the references give."""
    kinds = ("name", "domain", "crm_id", "external_id")
    return next(" ".join(references[kind].split()) for kind in kinds if kind in references)
