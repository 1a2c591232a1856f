"""Company facts from a Clearbit-like service, behind one function."""

import re
import time
from dataclasses import dataclass
from typing import Any

import httpx2
from django.conf import settings

from integrations.exchange import Answer, exchange
from integrations.http import TooLarge, TooSlow, create_client

PROVIDER = "clearbit"
MAX_PRICE_MICRODOLLARS = 100_000  # of one hit; a miss is free
TIMEOUT_SECONDS = 5.0  # for the whole call
_WORDY = re.compile(r"[^A-Za-z0-9 &+.,/()'-]")


class ClearbitFailed(Exception):
    """No answer.

    Args:
        never_sent: the request certainly did not reach the provider, so it costs nothing.
    """

    def __init__(self, code: str, *, never_sent: bool) -> None:
        """Keep a short code."""
        super().__init__(code)
        self.code, self.never_sent = code, never_sent


@dataclass(frozen=True, kw_only=True)
class CompanyAnswer:
    """What the service said: outcome hit, miss or pending; facts; micro-dollars."""

    outcome: str
    facts: dict[str, Any]
    micro_dollars: int


def is_configured() -> bool:
    """Tell whether a key is set."""
    return bool(settings.ENRICHMENT_API_KEY)


def find_company(*, domain: str) -> CompanyAnswer:
    """Ask for the company of a domain.

    Raises:
        ClearbitFailed: no usable answer.
    """
    headers = {"Authorization": f"Bearer {settings.ENRICHMENT_API_KEY}", "Accept": "application/json"}
    try:
        with create_client(
            base_url=settings.ENRICHMENT_BASE_URL, headers=headers, timeout_seconds=TIMEOUT_SECONDS
        ) as http:
            request = http.build_request("GET", "companies/find", params={"domain": domain})
            answer = exchange(http, request, deadline=time.monotonic() + TIMEOUT_SECONDS)
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise ClearbitFailed("unreachable", never_sent=True) from error
    except (httpx2.TimeoutException, TooSlow) as error:
        raise ClearbitFailed("timeout", never_sent=False) from error
    except TooLarge as error:
        raise ClearbitFailed("too_large", never_sent=False) from error
    except httpx2.HTTPError as error:
        raise ClearbitFailed("broken_connection", never_sent=False) from error
    return _read(answer)


def _read(answer: Answer) -> CompanyAnswer:
    if answer.status == 404:
        return CompanyAnswer(outcome="miss", facts={}, micro_dollars=0)
    if answer.status == 202:
        return CompanyAnswer(outcome="pending", facts={}, micro_dollars=0)
    if answer.status != 200:
        raise ClearbitFailed(f"status_{answer.status}", never_sent=False)
    try:
        facts = map_company(answer.json())
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ClearbitFailed("unreadable", never_sent=False) from error
    return CompanyAnswer(outcome="hit", facts=facts, micro_dollars=MAX_PRICE_MICRODOLLARS)


def map_company(document: dict[str, Any]) -> dict[str, Any]:
    """Return the facts that we know how to use; numbers in range and short plain words only."""
    category, metrics, geo = (document.get(key) or {} for key in ("category", "metrics", "geo"))
    named = document.get("tech")
    tech = named[:20] if isinstance(named, list) else []
    facts = {
        "industry": _word(category.get("industry")) or _word(category.get("sector")),
        "employees": _count(metrics.get("employees")),
        "annual_revenue": _count(metrics.get("annualRevenue")),
        "country": _word(geo.get("countryCode")),
        "technologies": [word for item in tech if (word := _word(item))],
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [])}


def _word(value: Any) -> str | None:
    return " ".join(_WORDY.sub(" ", value).split())[:60] if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < 10**15 else None
