"""Clearbit's company look-up, as far as we use it."""

from collections.abc import Mapping
from typing import Any

from integrations.enrichment.reading import keep_known, read_count, read_word, read_words


class ClearbitAdapter:
    """`GET companies/find?domain=` and its document of a company."""

    path = "companies/find"

    def read(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the facts of a company document."""
        category, metrics, geo = (document.get(key) or {} for key in ("category", "metrics", "geo"))
        return keep_known(
            {
                "industry": read_word(category.get("industry")) or read_word(category.get("sector")),
                "employees": read_count(metrics.get("employees")),
                "annual_revenue": read_count(metrics.get("annualRevenue")),
                "country": read_word(geo.get("countryCode")),
                "technologies": read_words(document.get("tech")),
            }
        )
