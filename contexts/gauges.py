"""Numbers that the metrics page reads from the truth."""

from contexts.models import Account, AccountContext
from revctx.observability.registry import register_gauge


def register() -> None:
    """Offer the app's gauges."""
    register_gauge(
        "accounts_known", "Accounts that signals speak of.", lambda: float(Account.objects.count())
    )
    register_gauge("accounts_hot", "Accounts in the high-intent band.", _count_hot)


def _count_hot() -> float:
    return float(AccountContext.objects.filter(band="hot").count())
