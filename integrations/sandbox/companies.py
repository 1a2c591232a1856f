"""Made-up companies with stable facts: the same domain always gets the same answer."""

import hashlib
from typing import Any

SECTORS = ("Retail", "Software", "Manufacturing", "Health", "Finance", "Education", "Logistics")
TECHNOLOGIES = (
    "Salesforce",
    "HubSpot",
    "PostgreSQL",
    "Kafka",
    "Snowflake",
    "Kubernetes",
    "Segment",
    "Stripe",
)
COUNTRIES = ("DE", "FR", "GB", "US", "NL", "IN", "SE")


def find_company(domain: str) -> dict[str, Any] | None:
    """Return a company in the vendor's shape; a domain that starts with `unknown` has none."""
    if domain.startswith("unknown"):
        return None
    seed = hashlib.sha256(domain.lower().encode()).digest()
    employees = 20 + int.from_bytes(seed[0:2], "big") % 5_000
    sector = SECTORS[seed[3] % len(SECTORS)]
    return {
        "id": seed[:16].hex(),
        "name": domain.split(".", maxsplit=1)[0].replace("-", " ").title(),
        "domain": domain,
        "foundedYear": 1980 + seed[2] % 40,
        "category": {"sector": sector, "industry": sector},
        "geo": {"countryCode": COUNTRIES[seed[4] % len(COUNTRIES)]},
        "metrics": {"employees": employees, "annualRevenue": employees * 140_000},
        "tech": sorted({TECHNOLOGIES[byte % len(TECHNOLOGIES)] for byte in seed[5:9]}),
    }
