"""`manage.py replay_dead`: give dead work items another five attempts."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from revctx.eventbus import workitems
from revctx.observability.registry import record_audit


class Command(BaseCommand):
    """Open dead items again."""

    help = "Open dead work items again, all of them or those of one group or event."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the filters."""
        parser.add_argument("--group", choices=sorted(settings.EVENT_GROUPS))
        parser.add_argument("--event", type=UUID, help="id of one event")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay and say how many."""
        now = timezone.now()
        with transaction.atomic():
            count = workitems.replay_dead(group=options["group"], event_id=options["event"], now=now)
            record_audit(
                name="work.replayed",
                actor="system:replay_dead",
                target_type="group",
                target_id=options["group"] or "all",
                at=now,
                payload={"items": count},
            )
        self.stdout.write(f"{count} items opened again")
