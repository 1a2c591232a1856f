"""The mapping file of HubSpot: which events and which values of which properties become which signals."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from integrations.rules import Code, Part, Text, read_rules

DEFAULT = Path(__file__).with_name("mapping.toml")


class Meaning(Part):
    """The signal that a value stands for."""

    type: Code
    stage: Code | None = None


class PropertyRule(Part):
    """What the values of one property mean; those of `noted` mean nothing about buying."""

    object: Literal["contact", "company", "deal"]
    property: Text
    values: dict[Text, Meaning] = {}
    noted: frozenset[str] = frozenset()


class HubSpotRules(Part):
    """A mapping file."""

    version: Literal[1]
    noted: frozenset[Text] = frozenset()
    events: dict[Text, Code] = {}
    properties: list[PropertyRule] = []

    def find_property(self, kind: str, name: str) -> PropertyRule | None:
        """Return the rule of an object's property, or None."""
        found = (rule for rule in self.properties if (rule.object, rule.property) == (kind, name))
        return next(found, None)


@lru_cache(maxsize=4)
def load_rules(given: str) -> HubSpotRules:
    """Return the rules of a file, or of the one that comes with the connector when none is given.

    Raises:
        InvalidRules: the file can't be used.
    """
    return read_rules(HubSpotRules, given=given, default=DEFAULT)
