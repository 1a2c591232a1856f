"""`manage.py apply_retention`: delete what has outlived its schedule."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.privacy.retaining import RetentionIncomplete, apply_retention


class Command(BaseCommand):
    """Apply the retention schedules; also run daily by beat."""

    help = "Delete what is older than the retention schedule of its class allows."

    def handle(self, *args: Any, **options: Any) -> None:
        """Apply and print what went, a class a line.

        Raises:
            CommandError: a class failed; the others were applied and printed.
        """
        failure: RetentionIncomplete | None = None
        try:
            removed = apply_retention(now=timezone.now())
        except RetentionIncomplete as error:
            failure, removed = error, error.removed
        for data_class, count in removed.items():
            self.stdout.write(f"{data_class:<20} {count}")
        if failure is not None:
            raise CommandError(f"not applied: {failure}") from failure
