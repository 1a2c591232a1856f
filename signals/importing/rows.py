"""Turn one row of a file into signal drafts and a list of what is wrong with it. Pure."""

import math
from collections.abc import Mapping as Columns
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from signals.contracts import SignalDraft
from signals.importing.mapping import Mapping, SignalRule
from signals.normalization import Catalogue, InvalidDraft, normalize

DECIDE = "decide_"


@dataclass
class RowResult:
    """What a row gives: drafts, reasons why some are missing, and spellings that need a decision."""

    drafts: list[SignalDraft] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    undecided: list[tuple[str, str]] = field(default_factory=list)


class _Unusable(Exception):
    """A column's value can't be used; the message is the reason."""


def map_row(row: Columns[str, Any], mapping: Mapping, *, catalogue: Catalogue, now: datetime) -> RowResult:
    """Return what a row gives.

    Every reason is named, not only the first. A row without its key, its account or a listed value gives
    no signal; one that lacks a date gives the other signals.
    """
    result = RowResult()
    result.reasons += _row_problems(row, mapping)
    is_usable = not result.reasons
    for rule in mapping.signals:
        if any(_text(row, column) != value for column, value in rule.when.items()):
            continue
        try:
            draft = _draft(row, rule, mapping)
            if is_usable:
                normalize(draft, now=now, catalogue=catalogue)
                result.drafts.append(draft)
        except _Unusable as error:
            result.reasons.append(str(error))
        except InvalidDraft as error:
            result.reasons.append(error.code)
    _note_spellings(row, mapping, result)
    result.reasons = list(dict.fromkeys(result.reasons))
    return result


def _row_problems(row: Columns[str, Any], mapping: Mapping) -> list[str]:
    problems = [] if _text(row, mapping.key) else [f"missing_{mapping.key}"]
    if not any(_text(row, column) for column in mapping.account.values()):
        problems.append("missing_account")
    for column, allowed in mapping.values.items():
        if _text(row, column) not in allowed:
            problems.append(f"unknown_{column}")
    return problems


def _draft(row: Columns[str, Any], rule: SignalRule, mapping: Mapping) -> SignalDraft:
    key = _text(row, mapping.key)
    references = {kind: _text(row, column) for kind, column in mapping.account.items()}
    return SignalDraft(
        source=mapping.source,
        type=rule.type,
        external_id=key,
        natural_key=f"{key}:{rule.event}",
        occurred_at=_date(row, rule.occurred_at, mapping),
        account={kind: value for kind, value in references.items() if value},
        attributes=_attributes(row, rule, mapping),
    )


def _attributes(row: Columns[str, Any], rule: SignalRule, mapping: Mapping) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for name, origin in rule.attributes.items():
        if origin.code is not None:
            attributes[name] = origin.code
        elif origin.number is not None and _text(row, origin.number):
            attributes[name] = _number(row, origin.number)
        elif origin.spelling is not None and (spelling := _text(row, origin.spelling)):
            # A spelling without a code goes on as it is: the store seals it and writes "unmapped".
            attributes[name] = mapping.codes[origin.spelling].get(spelling, spelling)
    return attributes


def _note_spellings(row: Columns[str, Any], mapping: Mapping, result: RowResult) -> None:
    for column, codes in mapping.codes.items():
        spelling = _text(row, column)
        if spelling and spelling not in codes:
            is_listed = spelling in mapping.decide.get(column, {})
            result.notes.append(f"{DECIDE}{column}" if is_listed else f"unmapped_{column}")
            if is_listed:
                result.undecided.append((column, spelling))


def _text(row: Columns[str, Any], column: str) -> str:
    return str(row.get(column, ""))


def _date(row: Columns[str, Any], column: str, mapping: Mapping) -> datetime:
    text = _text(row, column)
    if not text:
        raise _Unusable(f"missing_{column}")
    try:
        return mapping.parse_date(text)
    except (ValueError, OverflowError) as error:
        raise _Unusable(f"invalid_{column}") from error


def _number(row: Columns[str, Any], column: str) -> int | float:
    try:
        number = float(_text(row, column))
    except ValueError as error:
        raise _Unusable(f"invalid_{column}") from error
    if not math.isfinite(number):
        raise _Unusable(f"invalid_{column}")
    return int(number) if number.is_integer() else number
