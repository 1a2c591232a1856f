"""Turn a draft into the one form that is compared and stored. Pure: no Django, no clock."""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from compliance.normalization import InvalidEmail, normalize_email
from revctx.json_text import quote
from signals.canonical import canonical_text, plain_number
from signals.contracts import REFERENCE_KINDS, PersonDraft, SignalDraft
from signals.payload_schemas import SchemaSet, fit_date
from signals.references import make_references, string_kind

UNMAPPED = "unmapped"
MAX_AHEAD = timedelta(minutes=5)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
MAX_STRENGTH = 10.0
# Sources that metrics name; any other is counted as "other", so that labels stay few.
NAMED_SOURCES = frozenset({"salesforce", "hubspot", "segment", "outreach", "api", "web", "product"})
_MAX_NUMBER = 1e15
_KINDS = frozenset(REFERENCE_KINDS)
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[\w-]{1,63}(\.[\w-]{1,63})+")
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


class InvalidDraft(Exception):
    """A draft that can't be stored.

    Args:
        code: short word for reports; carries nothing of the draft.
        field: which part is wrong.
        message: what would be right.
    """

    def __init__(self, code: str, field: str, message: str) -> None:
        """Keep what is wrong and where."""
        super().__init__(f"{field}: {message}")
        self.code, self.field, self.message = code, field, message


@dataclass(frozen=True)
class Catalogue:
    """What may stay readable: per signal type its attributes and their kinds, per list its codes.

    Args:
        types: signal type → attribute → `number`, `boolean`, `date`, `reference` or `code:<list>`.
        codes: list → codes.
        reference_key: under which references are hashed; without it none is kept.
        schemas: what the attributes of each type must fit.
        accepts_unknown: a type that is not listed is stored, all its attributes sealed, and not scored.
    """

    types: Mapping[str, Mapping[str, str]]
    codes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    reference_key: bytes = b""
    schemas: SchemaSet = field(default_factory=SchemaSet)
    accepts_unknown: bool = False


class NormalizedSignal(NamedTuple):
    """A draft that can be stored as it is; the last texts are canonical JSON.

    `compared_json` is of the attributes without references, which only repeat what is sealed.
    """

    source: str
    type: str
    external_id: str
    occurred_at: datetime
    account: dict[str, str]
    person: PersonDraft | None
    strength: float
    attributes: dict[str, Any]
    sealed: dict[str, Any]
    natural_key: str
    occurred_at_is_ours: bool
    account_json: str
    attributes_json: str
    compared_json: str
    is_catalogued: bool = True


def normalize(draft: SignalDraft, *, now: datetime, catalogue: Catalogue) -> NormalizedSignal:
    """Check a draft and bring it into the stored form.

    Raises:
        InvalidDraft: naming the first wrong field.
    """
    _check_plain_fields(draft, catalogue)
    _check_attributes(draft, catalogue)
    attributes, unreadable = split_attributes(draft.attributes, draft.type, catalogue)
    references = make_references(
        draft, kinds=catalogue.types.get(draft.type, {}), key=catalogue.reference_key
    )
    account = normalize_account(draft.account)
    compared_json = canonical_text(attributes)
    return NormalizedSignal(
        source=draft.source,
        type=draft.type,
        external_id=draft.external_id,
        occurred_at=clamp_occurred_at(draft.occurred_at, now=now),
        account=account,
        person=_normalize_person(draft.person),
        strength=float(draft.strength),
        attributes=attributes | references,
        sealed=dict(draft.sealed) | ({"attributes": unreadable} if unreadable else {}),
        natural_key=draft.external_id if draft.natural_key is None else draft.natural_key,
        occurred_at_is_ours=draft.occurred_at_is_ours,
        account_json=canonical_text(account),
        attributes_json=canonical_text(attributes | references) if references else compared_json,
        compared_json=compared_json,
        is_catalogued=draft.type in catalogue.types,
    )


def clamp_occurred_at(occurred_at: datetime, *, now: datetime) -> datetime:
    """Return the time in UTC, or `now` for a clock that runs up to five minutes ahead.

    Raises:
        InvalidDraft: without zone, before 2000, or further ahead.
    """
    if occurred_at.tzinfo is None:
        raise InvalidDraft("naive_time", "occurred_at", "a time needs a zone")
    if occurred_at < EARLIEST:
        raise InvalidDraft("too_early", "occurred_at", "the year must be 2000 or later")
    if occurred_at > now + MAX_AHEAD:
        raise InvalidDraft("in_the_future", "occurred_at", "more than five minutes ahead")
    return min(occurred_at, now).astimezone(UTC)


def normalize_account(account: Mapping[str, str]) -> dict[str, str]:
    """Return the references, trimmed and in the order of their kinds.

    Raises:
        InvalidDraft: none given, an unknown kind, or a value that is none of an account.
    """
    if not account or not account.keys() <= _KINDS:
        raise InvalidDraft("no_account", "account", f"needs one or more of {', '.join(REFERENCE_KINDS)}")
    return {kind: _reference(kind, account[kind]) for kind in REFERENCE_KINDS if kind in account}


def account_reference(account: Mapping[str, str]) -> str:
    """Return the most telling reference: the key under which the event travels."""
    return next(account[kind] for kind in REFERENCE_KINDS if kind in account)


def slug(text: str) -> str:
    """Return a text as a code: `Demo Scheduled` → `demo_scheduled`."""
    return _NOT_SLUG.sub("_", text.strip().lower()).strip("_")


def source_label(source: str) -> str:
    """Return the source as metrics name it."""
    return source if source in NAMED_SOURCES else "other"


def type_label(signal: NormalizedSignal) -> str:
    """Return the type as metrics name it: labels come from the catalogue only."""
    return signal.type if signal.is_catalogued else "other"


def attribute_kinds(payload_schema: Mapping[str, Any]) -> dict[str, str]:
    """Return attribute → kind of a payload schema of the catalogue."""
    kinds: dict[str, str] = {}
    for name, rule in payload_schema.get("properties", {}).items():
        if rule["type"] == "string":
            kinds[name] = f"code:{rule['x-codes']}" if "x-codes" in rule else string_kind(rule)
        else:
            kinds[name] = rule["type"]
    return kinds


def split_attributes(
    attributes: Mapping[str, Any], signal_type: str, catalogue: Catalogue
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what may stay readable and what must be sealed.

    A text where the catalogue wants a code is sealed, and reads `unmapped` until it is mapped.
    """
    readable: dict[str, Any] = {}
    unreadable: dict[str, Any] = {}
    kinds = catalogue.types.get(signal_type, {})
    for name, value in attributes.items():
        kind = kinds.get(name, "")
        fitting = _fit(value, kind, catalogue)
        if fitting is not None:
            readable[name] = fitting
            continue
        unreadable[name] = value
        if kind.startswith("code:"):
            readable[name] = UNMAPPED
    return readable, unreadable


def without_person(signal: NormalizedSignal) -> NormalizedSignal:
    """Return the account-level rest of a signal whose person must not be taken up.

    What no catalogue knows may be about the person, so it goes too.
    """
    external_id = "" if "@" in signal.external_id else signal.external_id
    return signal._replace(person=None, sealed={}, external_id=external_id)


def comparable(signal: NormalizedSignal) -> bytes:
    """Return what makes two reports of one event the same; a time that we made up is no part of it."""
    person = signal.person
    names = ",".join(map(quote, (person.email, person.name, person.title))) if person else ""
    # One canonical object, its keys in order; written by hand, for it is written for every signal.
    return (
        f'{{"account":{signal.account_json},"attributes":{signal.compared_json},'
        f'"external_id":{quote(signal.external_id)},'
        f'"occurred_at":{"null" if signal.occurred_at_is_ours else quote(signal.occurred_at.isoformat())},'
        f'"person":{f"[{names}]" if person else "null"},'
        f'"sealed":{canonical_text(signal.sealed) if signal.sealed else "{}"},'
        f'"strength":{plain_number(signal.strength)},"type":{quote(signal.type)}}}'
    ).encode()


def _check_plain_fields(draft: SignalDraft, catalogue: Catalogue) -> None:
    if not _SOURCE.fullmatch(draft.source):
        raise InvalidDraft(
            "invalid_source", "source", "lower-case letters, digits, '_', '-', '.'; at most 64"
        )
    if draft.type not in catalogue.types:
        _check_unknown_type(draft.type, catalogue)
    natural_key = draft.external_id if draft.natural_key is None else draft.natural_key
    if not 0 < len(draft.external_id) <= 500 or not 0 < len(natural_key) <= 1000:
        raise InvalidDraft("invalid_external_id", "external_id", "between 1 and 500 characters")
    if not 0 < draft.strength <= MAX_STRENGTH:
        raise InvalidDraft("invalid_strength", "strength", "above 0, at most 10")


def _check_unknown_type(name: str, catalogue: Catalogue) -> None:
    if not catalogue.accepts_unknown:
        raise InvalidDraft("unknown_type", "type", "not in the catalogue of signal types")
    # It is stored as it is and printed on pages, so it may be nothing but a name.
    if not _TYPE.fullmatch(name):
        raise InvalidDraft("invalid_type", "type", "lower-case letters, digits and '_'; at most 64")


def _check_attributes(draft: SignalDraft, catalogue: Catalogue) -> None:
    fault = catalogue.schemas.find_fault(draft.type, draft.attributes)
    if fault is not None:
        raise InvalidDraft("invalid_attributes", *fault)


def _reference(kind: str, value: str) -> str:
    text = (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()
    # References travel as Kafka keys, so nothing that looks like an address may be one.
    if not 0 < len(text) <= 200 or "@" in text or not text.isprintable():
        raise InvalidDraft("invalid_account", f"account.{kind}", "1 to 200 printable characters, no '@'")
    if kind == "domain":
        text = text.lower().rstrip(".")
        if not _DOMAIN.fullmatch(text):
            raise InvalidDraft("invalid_account", "account.domain", "not a domain")
    if kind == "id":
        try:
            return str(UUID(text))
        except ValueError as error:
            raise InvalidDraft("invalid_account", "account.id", "not a UUID") from error
    return text


def _normalize_person(person: PersonDraft | None) -> PersonDraft | None:
    if person is None:
        return None
    if len(person.name) > 200 or len(person.title) > 200:
        raise InvalidDraft("invalid_person", "person", "name and title have at most 200 characters")
    try:
        email = normalize_email(person.email)
    except InvalidEmail as error:
        raise InvalidDraft("invalid_email", "person.email", str(error)) from error
    return PersonDraft(email=email, name=person.name.strip(), title=person.title.strip())


def _fit(value: Any, kind: str, catalogue: Catalogue) -> Any:
    """Return the value in its stored form, or None when it is not of the kind."""
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind == "number":
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return value if is_number and math.isfinite(value) and abs(value) <= _MAX_NUMBER else None
    if kind == "date":
        return fit_date(value)
    if kind.startswith("code:"):
        codes = catalogue.codes.get(kind.removeprefix("code:"), frozenset())
        return value if isinstance(value, str) and (value in codes or value == UNMAPPED) else None
    return None
