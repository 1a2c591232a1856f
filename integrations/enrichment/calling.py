"""Ask a provider of company facts: one call, over by its deadline, its price known."""

import time
from collections.abc import Mapping
from typing import Any

import httpx2

from integrations.clearbit.client import ClearbitAdapter
from integrations.enrichment.contracts import Adapter, CompanyAnswer, Provider, ProviderFailed
from integrations.enrichment.plain import PlainAdapter
from integrations.exchange import Answer, exchange
from integrations.http import TooLarge, TooSlow, create_client

TIMEOUT_SECONDS = 5.0  # for the whole call
ADAPTERS: Mapping[str, Adapter] = {"clearbit": ClearbitAdapter(), "plain": PlainAdapter()}
_NOTHING_YET = {404: "miss", 202: "pending"}


def find_company(*, provider: Provider, domain: str) -> CompanyAnswer:
    """Ask for the company of a domain; only what the provider is set to fill is kept.

    Raises:
        ProviderFailed: no usable answer.
    """
    adapter = ADAPTERS[provider.kind]
    answer = _exchange(provider, adapter.path, {"domain": domain})
    if answer.status in _NOTHING_YET:
        return _empty(provider, _NOTHING_YET[answer.status])
    if answer.status != 200:
        raise ProviderFailed(f"status_{answer.status}", never_sent=False)
    facts = _read(adapter, answer)
    kept = {name: value for name, value in facts.items() if name in provider.fields}
    return CompanyAnswer(outcome="hit", facts=kept, micro_dollars=provider.price)


def _exchange(provider: Provider, path: str, params: Mapping[str, str]) -> Answer:
    http, request = _prepare(provider, path, params)
    try:
        with http:
            return exchange(http, request, deadline=time.monotonic() + TIMEOUT_SECONDS)
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise ProviderFailed("unreachable", never_sent=True) from error
    except (httpx2.TimeoutException, TooSlow) as error:
        raise ProviderFailed("timeout", never_sent=False) from error
    except TooLarge as error:
        raise ProviderFailed("too_large", never_sent=False) from error
    except httpx2.HTTPError as error:
        raise ProviderFailed("broken_connection", never_sent=False) from error


def _prepare(
    provider: Provider, path: str, params: Mapping[str, str]
) -> tuple[httpx2.Client, httpx2.Request]:
    """Return a client that has no connection yet, and what it is to send."""
    headers = {"Authorization": f"Bearer {provider.api_key}", "Accept": "application/json"}
    try:
        http = create_client(base_url=provider.base_url, headers=headers, timeout_seconds=TIMEOUT_SECONDS)
        return http, http.build_request("GET", path, params=params)
    except (ValueError, httpx2.InvalidURL) as error:  # a key or an address that no request can carry
        raise ProviderFailed("unsendable", never_sent=True) from error


def _read(adapter: Adapter, answer: Answer) -> dict[str, Any]:
    try:
        return adapter.read(answer.json())
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise ProviderFailed("unreadable", never_sent=False) from error


def _empty(provider: Provider, outcome: str) -> CompanyAnswer:
    is_charged = outcome == "miss" and provider.misses_cost
    return CompanyAnswer(outcome=outcome, facts={}, micro_dollars=provider.price if is_charged else 0)
