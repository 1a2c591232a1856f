"""What the attributes of a signal type may be: a part of JSON Schema, compiled once a process. Pure.

Only the part is taken that a stored attribute can need: numbers, booleans, dates, catalogued codes and
references, their bounds, and which of them must be given. An unsupported keyword is refused where the schema
is edited, so that no rule is believed in force that nobody checks.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, ValidationError
from pydantic_core import core_schema as core

from signals.references import REFERENCE

_NOTES = {"title", "description", "$comment", "examples"}
_OBJECT = {"type", "properties", "required", "additionalProperties", "$schema"} | _NOTES
_BOUNDS = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
_RULES = {
    "number": {"type"} | _NOTES | set(_BOUNDS),
    "boolean": {"type"} | _NOTES,
    "string": {"type", "format", "x-codes"} | _NOTES,
}


class InvalidSchema(ValueError):
    """A payload schema that can't be put into force; the text says why."""


class SchemaSet:
    """The payload schemas of a catalogue, by signal type."""

    def __init__(self, schemas: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Keep the schemas; each is compiled when its type first comes."""
        self._schemas = schemas or {}
        self._compiled: dict[str, SchemaValidator] = {}

    def find_fault(self, signal_type: str, attributes: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the field that breaks the type's schema and what would be right, or None."""
        schema = self._schemas.get(signal_type)
        if not schema or not (attributes or schema.get("required")):
            return None
        compiled = self._compiled.get(signal_type)
        if compiled is None:
            compiled = self._compiled[signal_type] = _compile(json.dumps(schema, sort_keys=True))
        try:
            compiled.validate_python(dict(attributes))
        except ValidationError as error:
            return _first_fault(error, schema)
        return None


def check_schema(schema: Any) -> None:
    """Refuse a payload schema that is none, or that says what nobody would check.

    Raises:
        InvalidSchema: with the reason.
    """
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise InvalidSchema(f"not JSON Schema: {error.message}") from error
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise InvalidSchema('it must be an object of type "object"')
    _refuse_unknown("the schema", schema, _OBJECT)
    if not isinstance(schema.get("additionalProperties", True), bool):
        raise InvalidSchema("additionalProperties must be true or false")
    properties = schema.get("properties", {})
    for name, rule in properties.items():
        _check_rule(name, rule)
    undefined = sorted(set(schema.get("required", ())) - set(properties))
    if undefined:
        raise InvalidSchema(f"required but not defined: {', '.join(undefined)}")


def fit_date(value: Any) -> str | None:
    """Return an ISO 8601 day or instant with a zone in its stored form, else None."""
    if not isinstance(value, str):
        return None
    try:
        if len(value) == len("2017-06-30"):
            return date.fromisoformat(value).isoformat()
        instant = datetime.fromisoformat(value)
        return instant.astimezone(UTC).isoformat() if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _check_rule(name: str, rule: Any) -> None:
    kind = rule.get("type") if isinstance(rule, dict) else None
    if kind not in _RULES:
        raise InvalidSchema(f'{name}: the type must be "number", "boolean" or "string"')
    _refuse_unknown(name, rule, _RULES[kind])
    if kind != "string":
        return
    is_read, codes = rule.get("format") in {"date", "date-time", REFERENCE}, rule.get("x-codes")
    if is_read == (codes is not None) or ("format" in rule and not is_read):
        raise InvalidSchema(
            f'{name}: a text is either a date ("format": "date-time"), a reference ("format": "{REFERENCE}") '
            'or a code ("x-codes")'
        )
    if codes is not None and not (isinstance(codes, str) and codes):
        raise InvalidSchema(f"{name}: x-codes names a list of codes")


def _refuse_unknown(what: str, given: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise InvalidSchema(f"{what}: {', '.join(unknown)} would not be checked")


@lru_cache(maxsize=1_000)
def _compile(text: str) -> SchemaValidator:
    schema = json.loads(text)
    required = set(schema.get("required", ()))
    fields = {
        name: core.typed_dict_field(_rule(rule), required=name in required)
        for name, rule in schema.get("properties", {}).items()
    }
    extra: Literal["ignore", "forbid"] = "ignore" if schema.get("additionalProperties", True) else "forbid"
    return SchemaValidator(core.typed_dict_schema(fields, extra_behavior=extra, strict=True))


def _rule(rule: Mapping[str, Any]) -> CoreSchema:
    if rule["type"] == "number":
        bounds = {ours: rule[theirs] for theirs, ours in _BOUNDS.items() if theirs in rule}
        return core.float_schema(strict=True, **bounds)
    if rule["type"] == "boolean":
        return core.bool_schema(strict=True)
    text = core.str_schema(strict=True)
    if "x-codes" in rule or rule.get("format") == REFERENCE:
        return text
    return core.no_info_after_validator_function(_date, text)


def _date(value: str) -> str:
    if fit_date(value) is None:
        raise PydanticCustomError("date", "should be an ISO 8601 day, or an instant with a zone")
    return value


def _first_fault(error: ValidationError, schema: Mapping[str, Any]) -> tuple[str, str]:
    """Return field and fault without repeating what was given, neither value nor unknown name."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if name not in schema.get("properties", {}):
        return "attributes", "holds a name that the type's schema does not allow"
    return f"attributes.{name}", first["msg"][:1].lower() + first["msg"][1:]
