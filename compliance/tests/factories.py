"""Consents as tests need them, made through the service."""

from datetime import UTC, datetime

from compliance import consent

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
ACTOR = "user:1"


def grant_consent(email="ada@northwind.example", **changes):
    fields = {
        "email": email,
        "jurisdiction": "DE",
        "notice_version": "2026-01",
        "source": "webform",
        "actor": ACTOR,
        "now": NOW,
    }
    return consent.grant(**(fields | changes))
