"""`manage.py mcp_token USER`: make a token for an assistant, or revoke those that there are."""

import json
import sys
from argparse import ArgumentParser
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from compliance import audit
from compliance.audit import AuditEntry, PayloadValue
from orchestration.mcp.access import GRANTABLE, READING
from revctx.api.permissions import scopes_of_user
from revctx.api.tokens import issue_token, revoke_tokens

MAX_DAYS = 366
LABEL = "assistant"


class Command(BaseCommand):
    """Makes a token that can read and propose, in the name of a person who may do so themselves."""

    help = "Make an expiring token for `mcp_server`; it is shown once, within a ready configuration."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("user", help="user name of the person in whose name the assistant asks")
        parser.add_argument("--days", type=int, default=30, help="until it expires, 1 to 366")
        parser.add_argument("--read-only", action="store_true", help="without propose_action")
        parser.add_argument("--revoke", action="store_true", help="end this person's tokens instead")

    def handle(self, *args: Any, **options: Any) -> None:
        """Store the token with its audit row and print it, or end those that live."""
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError("There is no active user of this name.")
        if options["revoke"]:
            self.stdout.write(f"{self._revoke(user)} revoked")
            return
        if not 1 <= options["days"] <= MAX_DAYS:
            raise CommandError(f"--days must be from 1 to {MAX_DAYS}.")
        scopes = scopes_of_user(user) & (READING if options["read_only"] else GRANTABLE)
        if not scopes:
            raise CommandError("This person may use none of the tools.")
        secret = self._issue(user, scopes, options["days"])
        self.stdout.write(json.dumps(_make_config(secret), indent=2))

    @transaction.atomic
    def _issue(self, user: User, scopes: frozenset[str], days: int) -> str:
        now = timezone.now()
        _record("mcp_token.issued", user, now, {"days": days, "scopes": " ".join(sorted(scopes))})
        expires_at = now + timedelta(days=days)
        return issue_token(user=user, label=LABEL, scopes=scopes, now=now, expires_at=expires_at)

    @transaction.atomic
    def _revoke(self, user: User) -> int:
        now = timezone.now()
        ids = revoke_tokens(user=user, label=LABEL, now=now)
        _record("mcp_token.revoked", user, now, {"token_ids": " ".join(map(str, ids))})
        return len(ids)


def _record(name: str, user: User, now: datetime, payload: dict[str, PayloadValue]) -> None:
    entry = AuditEntry(
        name=name,
        actor="system:mcp_token",
        target_type="user",
        target_id=str(user.pk),
        at=now,
        payload=payload,
    )
    audit.record([entry])


def _make_config(secret: str) -> dict[str, Any]:
    """Return what a desktop client reads, with absolute paths: it starts the server from anywhere."""
    server = {
        "command": sys.executable,
        "args": [str(Path(settings.BASE_DIR) / "manage.py"), "mcp_server"],
        "env": {"REVCTX_MCP_TOKEN": secret},
    }
    return {"mcpServers": {"revctx": server}}
