"""`manage.py seed`: the roles, and on a local stack people, tokens, a contact and some history."""

import os
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from compliance import consent
from contexts.services.seeding import seed_test_account
from revctx.api.scopes import ROLES, SCOPES
from revctx.api.tokens import issue_token
from signals.contracts import PersonDraft, SignalDraft
from signals.services.ingest import ingest_signals

ACTOR = "system:seed"
PASSWORD = "revctx-local"  # noqa: S105 - shown on the login page of a local stack only
PEOPLE = {
    "admin": ("Ada", "Minova", ["admin"]),
    "mia": ("Mia", "Kovač", ["reviewer", "approver"]),
    "jo": ("Jo", "Lindqvist", ["reviewer", "approver", "lab_scientist"]),
    "pat": ("Pat", "Okafor", ["privacy_officer", "auditor"]),
}
CONTACT = PersonDraft(email="dana.reyes@northwind.example", name="Dana Reyes", title="Head of Operations")
# (signal type, days before now, person known?): enough for warm, not for hot.
HISTORY = (
    ("page_view", 9.0, False),
    ("content_download", 6.5, True),
    ("pricing_page_view", 2.2, True),
    ("pricing_page_view", 1.1, False),
)


class Command(BaseCommand):
    """Seed what every installation needs; a local one also gets people and history."""

    help = "Create the roles; in the local profile also demo people, tokens, a consented contact and history."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed; a second run changes nothing."""
        now = timezone.now()
        for role in ROLES:
            Group.objects.get_or_create(name=role)
        seed_test_account(now=now)
        if settings.PROFILE == "local":
            self._seed_local(now)
        self.stdout.write("seeded")

    @transaction.atomic
    def _seed_local(self, now: datetime) -> None:
        for name, (first, last, roles) in PEOPLE.items():
            user, created = User.objects.get_or_create(
                username=name,
                defaults={
                    "first_name": first,
                    "last_name": last,
                    "is_staff": True,
                    "is_superuser": roles == ["admin"],
                },
            )
            if created:
                user.set_password(PASSWORD)
                user.save(update_fields=["password"])
                user.groups.set(Group.objects.filter(name__in=roles))
        self._issue_tokens(now)
        self._seed_history(now)

    def _issue_tokens(self, now: datetime) -> None:
        """Store the two tokens that `make run` has made, so that demos can approve with four eyes."""
        for variable, name in (("REVCTX_TOKEN", "admin"), ("REVCTX_TOKEN_2", "mia")):
            if secret := os.environ.get(variable):
                user = User.objects.get(username=name)
                issue_token(user=user, label=f"local {name}", scopes=SCOPES, now=now, secret=secret)

    def _seed_history(self, now: datetime) -> None:
        """Give the test account a consented contact and signals from before now."""
        asked = consent.decide_for_address(email=CONTACT.email, purpose="outreach", channel="email", now=now)
        if asked.revision_id is not None:
            return  # seeded before; what a person did to this consent since then stands
        consent.grant(
            email=CONTACT.email,
            purpose="outreach",
            channel="email",
            jurisdiction="EU",
            notice_version="v3",
            source="web form",
            actor=ACTOR,
            now=now,
        )
        drafts = [
            SignalDraft(
                source="web",
                type=type_,
                external_id=f"seed-{number}",
                occurred_at=now - timedelta(days=days),
                account={"crm_id": "test-account-001"},
                person=CONTACT if known else None,
                natural_key=f"seed-{number}",
            )
            for number, (type_, days, known) in enumerate(HISTORY)
        ]
        ingest_signals(drafts=drafts, actor=ACTOR, now=now)
