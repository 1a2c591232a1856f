"""Mapping files of the connectors that have a package of their own. Read once a process."""

import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Code = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Rules = TypeVar("Rules", bound=BaseModel)


class InvalidRules(Exception):
    """A mapping file can't be used; the message says what to change."""


class Part(BaseModel):
    """A part of a mapping file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_rules(model: type[Rules], *, given: str, default: Path) -> Rules:
    """Return the rules of the file `given`, or of the one that comes with the connector.

    Raises:
        InvalidRules: it can't be read, is not TOML, or not of the model's form.
    """
    path = Path(given) if given else default
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRules(f"{path.name} can't be read as TOML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors())
        raise InvalidRules(f"{path.name}: {problems}") from error
