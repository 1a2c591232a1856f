"""What tokens cost, micro-dollars a million; the ledger keeps the version it was computed with."""

PRICE_VERSION = "2026-11"
# model: (input, output). Source: the vendor's public price list of that month.
PRICES: dict[str, tuple[int, int]] = {
    "gpt-5": (1_250_000, 10_000_000),
    "gpt-5-mini": (250_000, 2_000_000),
    "gpt-5-nano": (50_000, 400_000),
    "gpt-4o-mini": (150_000, 600_000),
}


def price_call(*, model: str, input_tokens: int, output_tokens: int) -> tuple[int, str]:
    """Return micro-dollars, rounded up, and the price version; `unpriced` for a model we don't know."""
    if model not in PRICES:
        return 0, "unpriced"
    price_in, price_out = PRICES[model]
    total = input_tokens * price_in + output_tokens * price_out
    return -(-total // 1_000_000), PRICE_VERSION
