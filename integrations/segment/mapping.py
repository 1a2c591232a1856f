"""The mapping file of Segment: which messages become which signals, and what of them stays readable."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from integrations.rules import Code, Part, Text, read_rules

DEFAULT = Path(__file__).with_name("mapping.toml")


class SegmentRules(Part):
    """A mapping file."""

    version: Literal[1]
    page: Code
    screen: Code
    noted: frozenset[Code] = frozenset()
    pages: dict[Text, Code] = {}
    events: dict[Code, Code] = {}
    attributes: dict[Code, list[Text]] = {}

    def type_of_path(self, path: str) -> str:
        """Return the signal type of a page's path: the longest rule that it begins with counts."""
        fitting = [start for start in self.pages if f"{path}/".startswith(f"{start.rstrip('/')}/")]
        return self.pages[max(fitting, key=len)] if fitting else self.page


@lru_cache(maxsize=4)
def load_rules(given: str) -> SegmentRules:
    """Return the rules of a file, or of the one that comes with the connector when none is given.

    Raises:
        InvalidRules: the file can't be used.
    """
    return read_rules(SegmentRules, given=given, default=DEFAULT)
