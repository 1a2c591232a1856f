"""The plain form: for providers, and proxies before them, that speak our own names of facts."""

from collections.abc import Mapping
from typing import Any

from integrations.enrichment.reading import keep_known, read_count, read_word, read_words


class PlainAdapter:
    """`GET facts?domain=` and `{"facts": {"industry": …, "technologies": […]}}`."""

    path = "facts"

    def read(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the facts under our names."""
        facts = document["facts"]
        return keep_known(
            {
                "industry": read_word(facts.get("industry")),
                "employees": read_count(facts.get("employees")),
                "annual_revenue": read_count(facts.get("annual_revenue")),
                "country": read_word(facts.get("country")),
                "technologies": read_words(facts.get("technologies")),
            }
        )
