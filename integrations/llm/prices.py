"""What tokens cost: the operator's own contract, for published prices change without notice."""

from django.conf import settings

UNPRICED = "unpriced"


def price_call(*, input_tokens: int, output_tokens: int) -> tuple[int, str]:
    """Return micro-dollars, rounded up, and the prices used; 0 and `unpriced` when none are set.

    `OPENAI_PRICES` holds US dollars a million input tokens and a million output tokens, which are
    micro-dollars a token.
    """
    if len(settings.OPENAI_PRICES) != 2:
        return 0, UNPRICED
    price_in, price_out = settings.OPENAI_PRICES
    total = input_tokens * price_in + output_tokens * price_out
    return -int(-total // 1), f"{price_in:g}/{price_out:g}"
