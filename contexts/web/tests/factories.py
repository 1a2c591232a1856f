"""An account that is over the threshold now."""

from datetime import UTC, datetime, timedelta

from contexts.tests.factories import make_draft, score_signals
from signals.contracts import PersonDraft

BUYER = PersonDraft(email="buyer@customer.test", name="Dana Reyes", title="Head of Operations")
HOT_SIGNALS = (
    "demo_requested",
    "pricing_page_view",
    "meeting_booked",
    "trial_started",
    "usage_limit_reached",
)


def make_account_hot(*, crm_id: str = "test-account-001", person: PersonDraft | None = BUYER) -> None:
    """Send the signals that carry an account over the threshold, and score them."""
    now = datetime.now(UTC)
    drafts = [
        make_draft(
            kind,
            crm_id=crm_id,
            occurred_at=now - timedelta(minutes=10 * (number + 1)),
            person=person,
            strength=3.0,
        )
        for number, kind in enumerate(HOT_SIGNALS * 2)
    ]
    score_signals(*drafts, now=now)
