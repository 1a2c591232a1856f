"""Make signals of any JSON body through a mapping of expressions. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from integrations.generic.expressions import MAX_LENGTH, Evaluation, EvaluationFailed
from integrations.outcomes import Outcome, Unmappable, instant_of_text
from signals.contracts import REFERENCE_KINDS, PersonDraft, SignalDraft

MAX_EXPRESSION = MAX_LENGTH
MAX_EVENTS = 500  # in one body
_MILLISECONDS_FROM = 100_000_000_000  # as seconds this is the year 5138


@dataclass(frozen=True)
class SourceMapping:
    """The expressions of one source, by field of the draft; empty ones are not there.

    Args:
        source: name that its signals bear.
        fields: `type`, `external_id`, `occurred_at`, `person_mail`, … → expression.
        attributes: attribute → expression.
        translations: `type` or attribute → what the source writes → what it means here.
        events: expression of the list of events, or empty.
    """

    source: str
    fields: Mapping[str, str]
    attributes: Mapping[str, str] = field(default_factory=dict)
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    events: str = ""


class FieldFailed(Unmappable):
    """One field of a mapping does not fit the event.

    Args:
        field: the field of the mapping.
        detail: what happened, for the person who edits the mapping; may repeat parts of the event.
    """

    def __init__(self, reason: str, field: str, detail: str) -> None:
        """Keep where and why."""
        super().__init__(reason)
        self.field, self.detail = field, detail


def map_body(
    mapping: SourceMapping, document: Any, *, webhook_id: str | None, now: datetime
) -> list[tuple[Outcome, FieldFailed | None]]:
    """Return what becomes of every event of a body, each with the failure where there is one.

    `webhook_id` is the natural key of events without one, and is given only when the signature was verified;
    `now` stands in for a time that the mapping does not read.
    """
    evaluation = Evaluation()
    try:
        events = _list_events(mapping, document, evaluation)
    except FieldFailed as failure:
        return [(Outcome(document, reason=failure.reason, delivery=f"body:{webhook_id or ''}"), failure)]
    outcomes: list[tuple[Outcome, FieldFailed | None]] = []
    for position, event in enumerate(events):
        key = f"webhook:{webhook_id}:{position}" if webhook_id else ""
        try:
            draft = _Reader(mapping, event, evaluation).draft(key, now)
            outcomes.append((Outcome(event, draft, delivery=key), None))
        except FieldFailed as failure:
            outcomes.append((Outcome(event, reason=failure.reason, delivery=key), failure))
    return outcomes


def map_event(mapping: SourceMapping, event: Any, *, key: str, now: datetime) -> SignalDraft:
    """Return the draft of one event; `key` is its natural key where the mapping reads none.

    Raises:
        FieldFailed: a field could not be read.
    """
    return _Reader(mapping, event, Evaluation()).draft(key, now)


def _list_events(mapping: SourceMapping, document: Any, evaluation: Evaluation) -> list[Any]:
    if mapping.events:
        found = _find(evaluation, "events", mapping.events, document)
        if not isinstance(found, list):
            raise FieldFailed("no_events", "events", f"{mapping.events} finds {_say(found)}, not a list")
    else:
        found = document if isinstance(document, list) else [document]
    if not found:
        raise FieldFailed("no_events", "events", "the list is empty")
    if len(found) > MAX_EVENTS:
        raise FieldFailed("too_many_events", "events", f"{len(found)} events; {MAX_EVENTS} are taken at once")
    return found


class _Reader:
    """Reads the fields of one event."""

    def __init__(self, mapping: SourceMapping, event: Any, evaluation: Evaluation) -> None:
        self._mapping, self._event, self._evaluation = mapping, event, evaluation

    def draft(self, key: str, now: datetime) -> SignalDraft:
        if not isinstance(self._event, Mapping):
            raise FieldFailed("not_an_object", "events", f"an event is {_say(self._event)}, not an object")
        occurred_at = self._instant("occurred_at")
        return SignalDraft(
            source=self._mapping.source,
            type=self._translated("type", self._needed("type")),
            external_id=self._needed("external_id"),
            occurred_at=occurred_at or now,
            account=self._account(),
            person=self._person(),
            strength=self._strength(),
            attributes=self._attributes(),
            sealed={"payload": self._event},
            natural_key=self._text("natural_key") or key or None,
            occurred_at_is_ours=occurred_at is None,
        )

    def _value(self, name: str) -> Any:
        expression = self._mapping.fields.get(name)
        return _find(self._evaluation, name, expression, self._event) if expression else None

    def _text(self, name: str) -> str:
        value = self._value(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise FieldFailed(f"invalid_{name}", name, f"finds {_say(value)}, not a text")
        return str(value).strip()

    def _needed(self, name: str) -> str:
        text = self._text(name)
        if not text:
            raise FieldFailed(f"missing_{name}", name, f"{self._mapping.fields.get(name, '')} finds nothing")
        return text

    def _translated(self, name: str, value: str) -> str:
        words = self._mapping.translations.get(name)
        if not words:
            return value
        if value not in words:
            raise FieldFailed(f"untranslated_{name}", name, f"{value!r} has no translation")
        return words[value]

    def _account(self) -> dict[str, str]:
        given = {kind: self._text(f"account_{kind}") for kind in REFERENCE_KINDS}
        account = {kind: value for kind, value in given.items() if value}
        if not account:
            raise FieldFailed("no_account", "account", "none of the account's expressions finds anything")
        return account

    def _person(self) -> PersonDraft | None:
        email = self._text("person_mail")
        if not email:
            return None
        return PersonDraft(email, name=self._text("person_name"), title=self._text("person_title"))

    def _strength(self) -> float:
        value = self._value("strength")
        if value is None:
            return 1.0
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldFailed("invalid_strength", "strength", f"finds {_say(value)}, not a number")
        return float(value)

    def _attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, expression in self._mapping.attributes.items():
            value = _find(self._evaluation, f"attributes.{name}", expression, self._event)
            words = self._mapping.translations.get(name, {})
            if value is not None:
                found[name] = words.get(value, value) if isinstance(value, str) else value
        return found

    def _instant(self, name: str) -> datetime | None:
        value = self._value(name)
        if value is None and name not in self._mapping.fields:
            return None
        if value is None:
            raise FieldFailed(f"missing_{name}", name, f"{self._mapping.fields[name]} finds nothing")
        try:
            if isinstance(value, int | float) and not isinstance(value, bool):
                seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
                return datetime.fromtimestamp(seconds, UTC)
            return instant_of_text(value, name)
        except Unmappable as error:
            raise FieldFailed(error.reason, name, f"{_say(value)} is no ISO 8601 time with zone") from error
        except (OverflowError, ValueError, OSError) as error:
            raise FieldFailed(f"invalid_{name}", name, "the number is no time") from error


def _find(evaluation: Evaluation, name: str, expression: str, document: Any) -> Any:
    try:
        return evaluation.find(expression, document)
    except EvaluationFailed as error:
        detail = error.detail or "the body takes too many steps to read"
        raise FieldFailed(error.code, name, f"{expression}: {detail}") from error


def _say(value: Any) -> str:
    """Return what a value is, in the words of JSON."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "something else")
