"""Mapping files: which columns of a file become which signals. TOML, described in docs/mappings."""

import hashlib
import tomllib
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from signals.contracts import REFERENCE_KINDS

Column = Annotated[str, Field(min_length=1, max_length=100)]
Code = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]


class InvalidMapping(Exception):
    """A mapping file can't be used; the message says what to change."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AttributeRule(_Part):
    """Where an attribute comes from: a fixed code, a number column, or a column of listed spellings."""

    code: Code | None = None
    number: Column | None = None
    spelling: Column | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if sum(origin is not None for origin in (self.code, self.number, self.spelling)) != 1:
            raise ValueError("give exactly one of code, number, spelling")
        return self


class SignalRule(_Part):
    """One signal that a row may give.

    `event` names it within the row and is part of its natural key; `when` lists column → value that must
    all agree.
    """

    event: Code
    type: str
    occurred_at: Column
    when: dict[Column, str] = {}
    attributes: dict[str, AttributeRule] = {}


class Mapping(_Part):
    """A mapping file."""

    version: Literal[1]
    source: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    format: Literal["csv", "jsonl"]
    date_format: str
    century: Annotated[int, Field(ge=2000, le=2100, multiple_of=100)] | None = None
    time_zone: str = "UTC"
    key: Column
    account: Annotated[dict[str, Column], Field(min_length=1)]
    values: dict[Column, list[str]] = {}
    codes: dict[Column, dict[str, Code]] = {}
    decide: dict[Column, dict[str, str]] = {}
    signals: Annotated[list[SignalRule], Field(min_length=1)]

    @field_validator("account")
    @classmethod
    def _known_kinds(cls, account: dict[str, str]) -> dict[str, str]:
        if unknown := set(account) - set(REFERENCE_KINDS):
            raise ValueError(f"{sorted(unknown)} are no kinds of reference; use {list(REFERENCE_KINDS)}")
        return account

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if "%y" in self.date_format and self.century is None:
            raise ValueError("a date_format with %y needs century, for two digits don't say which one")
        for rule in self.signals:
            for attribute in rule.attributes.values():
                if attribute.spelling is not None and attribute.spelling not in self.codes:
                    raise ValueError(f"[codes.{attribute.spelling}] is missing")
        for column, spellings in self.decide.items():
            if both := set(spellings) & set(self.codes.get(column, {})):
                raise ValueError(f"{sorted(both)} stand in codes.{column} and in decide.{column}")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{self.time_zone!r} is no time zone") from error
        return self

    @property
    def zone(self) -> tzinfo:
        """Return the zone that the file's dates are meant in."""
        return ZoneInfo(self.time_zone)

    def parse_date(self, text: str) -> datetime:
        """Return the start of a date, or the instant, that a text means.

        Raises:
            ValueError: it does not have the mapping's form.
        """
        instant = datetime.strptime(text, self.date_format)  # noqa: DTZ007 - the zone follows below
        if "%y" in self.date_format and self.century is not None:
            # strptime's own pivot puts 69 to 99 into the last century.
            instant = instant.replace(year=self.century + instant.year % 100)
        return instant if instant.tzinfo else instant.replace(tzinfo=self.zone)

    def columns(self) -> set[str]:
        """Return every column that the mapping reads."""
        used = {self.key, *self.account.values(), *self.values, *self.codes}
        for rule in self.signals:
            used |= {rule.occurred_at, *rule.when}
            used |= {origin for a in rule.attributes.values() if (origin := a.number or a.spelling)}
        return used


def load_mapping(path: Path) -> tuple[Mapping, str]:
    """Return a mapping and the SHA-256 of its file.

    Raises:
        InvalidMapping: not TOML, or not a mapping.
        OSError: it can't be read.
    """
    raw = path.read_bytes()
    try:
        mapping = Mapping.model_validate(tomllib.loads(raw.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidMapping(f"{path.name} is not TOML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'file'}: {p['msg']}" for p in error.errors())
        raise InvalidMapping(f"{path.name}: {problems}") from error
    return mapping, hashlib.sha256(raw).hexdigest()
