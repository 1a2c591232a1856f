"""Jurisdictions that the product knows the rules of; consent under any other is not acted upon."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Jurisdiction:
    """A place whose law governs a consent; ``regime`` names the law that its requests follow."""

    code: str
    name: str
    regime: str


_GDPR = {
    "EU": "European Union",
    "AT": "Austria",
    "BE": "Belgium",
    "BG": "Bulgaria",
    "CY": "Cyprus",
    "CZ": "Czechia",
    "DE": "Germany",
    "DK": "Denmark",
    "EE": "Estonia",
    "ES": "Spain",
    "FI": "Finland",
    "FR": "France",
    "GR": "Greece",
    "HR": "Croatia",
    "HU": "Hungary",
    "IE": "Ireland",
    "IS": "Iceland",
    "IT": "Italy",
    "LI": "Liechtenstein",
    "LT": "Lithuania",
    "LU": "Luxembourg",
    "LV": "Latvia",
    "MT": "Malta",
    "NL": "Netherlands",
    "NO": "Norway",
    "PL": "Poland",
    "PT": "Portugal",
    "RO": "Romania",
    "SE": "Sweden",
    "SI": "Slovenia",
    "SK": "Slovakia",
}
_OTHERS = {
    "UK": ("United Kingdom", "uk_gdpr"),
    "CH": ("Switzerland", "fadp"),
    "US": ("United States", "can_spam"),
    "US-CA": ("California", "ccpa"),
    "CA": ("Canada", "casl"),
    "IN": ("India", "dpdp"),
    "AU": ("Australia", "spam_act"),
    "NZ": ("New Zealand", "uema"),
    "SG": ("Singapore", "pdpa"),
    "BR": ("Brazil", "lgpd"),
}

JURISDICTIONS: dict[str, Jurisdiction] = {
    code: Jurisdiction(code, name, "gdpr") for code, name in _GDPR.items()
} | {code: Jurisdiction(code, name, regime) for code, (name, regime) in _OTHERS.items()}


def find_jurisdiction(code: str) -> Jurisdiction | None:
    """Return the known jurisdiction of an upper-case code, or None."""
    return JURISDICTIONS.get(code)


def list_places(code: str) -> list[str]:
    """Return the places whose rules may govern a code, the narrowest first; none for an unknown code."""
    known = find_jurisdiction(code)
    if known is None:
        return []
    wider = [code.partition("-")[0]] if "-" in code else []
    if known.regime == "gdpr" and code != "EU":
        wider.append("EU")
    return [code, *wider]
