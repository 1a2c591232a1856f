"""The canonical form of an e-mail address, so that all spellings of one mailbox meet. Pure."""

from __future__ import annotations

import unicodedata

import idna

MAX_ADDRESS_BYTES = 254
MAX_LOCAL_BYTES = 64
_FORBIDDEN_IN_LOCAL = frozenset('()<>[]:;,\\"@ ')
# Controls, format characters (zero-width and the like), surrogates, private use, unassigned, separators.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


class InvalidEmail(ValueError):
    """A text is not an address that can be reached. The message never repeats it."""


def normalize_email(email: str) -> str:
    """Return the canonical address: domain by UTS-46 as A-labels, local part NFC and lower case.

    Idempotent. Lower-casing the local part joins what practically every provider joins.

    Raises:
        InvalidEmail: no mailbox, quoted or commented forms, invisible characters, too long,
            or a domain that IDNA refuses.
    Source: UTS #46 (non-transitional), RFC 5321 §4.5.3.1 (lengths), RFC 6531 (international local parts).
    """
    local, at, domain = email.strip().rpartition("@")
    if not at or not local or not domain:
        raise InvalidEmail("an address has a local part, an @ and a domain")
    address = f"{_normalize_local(local)}@{_normalize_domain(domain)}"
    if len(address.encode()) > MAX_ADDRESS_BYTES:
        raise InvalidEmail(f"an address has at most {MAX_ADDRESS_BYTES} bytes")
    return address


def _normalize_local(local: str) -> str:
    # Lower-casing may leave a decomposed letter behind, hence NFC on both sides.
    lowered = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).lower())
    if any(c in _FORBIDDEN_IN_LOCAL or unicodedata.category(c) in _FORBIDDEN_CATEGORIES for c in lowered):
        raise InvalidEmail("the local part holds a character that is not allowed")
    if lowered.startswith(".") or lowered.endswith(".") or ".." in lowered:
        raise InvalidEmail("the local part has an empty piece between dots")
    if len(lowered.encode()) > MAX_LOCAL_BYTES:
        raise InvalidEmail(f"the local part has at most {MAX_LOCAL_BYTES} bytes")
    return lowered


def _normalize_domain(domain: str) -> str:
    try:
        ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidEmail("the domain is not a valid domain name") from error
    ascii_domain = ascii_domain.removesuffix(".")
    if "." not in ascii_domain or ascii_domain.rpartition(".")[2].isdigit():
        raise InvalidEmail("the domain is not a public domain name")
    return ascii_domain
