"""Login, home, and the health line of home."""

import time
from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView
from redis.exceptions import RedisError

from contexts import selectors as contexts
from orchestration import selectors as orchestration
from orchestration.web import reads
from revctx.management.commands.seed import PASSWORD, PEOPLE
from revctx.observability.heartbeats import list_alive
from revctx.observability.registry import list_health_checks
from revctx.web.access import ScopedPage

ROWS = 6
# Health checks and queues in the readers' words, and what it means for them when one fails.
SERVICES = {
    "bridges": ("Signal delivery", "stopped; new signals are kept and scored later"),
    "kafka": ("Messaging", "does not answer; new signals are kept and scored later"),
    "outbox": ("Publishing", "is behind; scores come late"),
    "work_backlog": ("Waiting work", "has piled up; scores and drafts come late"),
}
QUEUES = {
    "context-engine": "Scoring",
    "orchestration-engine": "Drafting and sending",
    "default": "Upkeep",
}


class Login(LoginView):
    """Sign in by name and password; repeated failures lock the name at that address."""

    template_name = "web/login.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Name the demo people of a local stack, and nobody anywhere else."""
        if settings.PROFILE != "local":
            return super().get_context_data(**kwargs)
        people = [
            {"name": name, "roles": ", ".join(roles).replace("_", " ")}
            for name, (*_, roles) in PEOPLE.items()
        ]
        return super().get_context_data(people=people, password=PASSWORD, **kwargs)


class Home(ScopedPage):
    """What needs a decision first, then hot accounts, then what went out, then health."""

    template_name = "web/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the parts that the reader's role may see."""
        shows_actions = "actions:read" in self.scopes
        shows_accounts = "accounts:read" in self.scopes
        return super().get_context_data(
            shows_actions=shows_actions,
            shows_accounts=shows_accounts,
            queue=reads.list_queue(limit=ROWS) if shows_actions else [],
            waiting=orchestration.count_pending() if shows_actions else 0,
            recent=reads.list_recent(limit=ROWS) if shows_actions else [],
            hot=contexts.list_accounts(band="hot", limit=ROWS) if shows_accounts else [],
            threshold=contexts.get_hot_threshold(),
            **kwargs,
        )


class HomeHealth(ScopedPage):
    """Every check and how long it took, loaded after the page so that a slow one holds nothing up."""

    template_name = "web/_health.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Run the checks."""
        checks = [_run_check(name, check) for name, check in sorted(list_health_checks().items())]
        return super().get_context_data(checks=checks, workers=_count_workers(), **kwargs)


def _run_check(name: str, check: Any) -> dict[str, Any]:
    started = time.perf_counter()
    reason = check()
    label, trouble = SERVICES.get(name, (name.replace("_", " ").capitalize(), reason))
    return {
        "name": label,
        "reason": trouble if reason else None,
        "milliseconds": (time.perf_counter() - started) * 1000,
    }


def _count_workers() -> list[dict[str, Any]]:
    try:
        alive = list_alive()
    except RedisError:
        return []
    return [
        {"queue": QUEUES.get(queue, queue), "expected": expected, "alive": len(alive.get(queue, []))}
        for queue, expected in settings.EXPECTED_WORKERS.items()
    ]
