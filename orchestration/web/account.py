"""The actions of one account and what enriching it cost: a part of the account's page."""

from datetime import UTC, datetime
from typing import Any

from orchestration import budgets
from orchestration.web import reads
from revctx.web.access import ScopedPage

LENGTH = 10


class AccountActions(ScopedPage):
    """The list, as a page of its own or loaded into the account's page."""

    scope = "actions:read"

    def get_template_names(self) -> list[str]:
        """Return the bare part for the account's page, the whole page otherwise."""
        part = self.request.headers.get("HX-Request") == "true"
        return ["orchestration/_account.html" if part else "orchestration/account.html"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the actions and this month's budget."""
        account_id = kwargs["account_id"]
        budget = budgets.get_budget(account_id=account_id, now=datetime.now(UTC))
        return super().get_context_data(
            rows=reads.list_of_account(account_id=account_id, limit=LENGTH),
            budget=budget,
            spent_dollars=budget.committed / 1_000_000,
            cap_dollars=budget.cap / 1_000_000,
            spent_share=budget.committed / budget.cap if budget.cap else 0.0,
            **kwargs,
        )
