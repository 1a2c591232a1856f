"""Create the coming months' partitions of the audit log and of every other partitioned table."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from compliance.partitions import MONTHS_AHEAD, create_partitions


class Command(BaseCommand):
    """Create this month's partitions and those of the months ahead; run as often as you like."""

    help = "Creates monthly partitions of audit_logs and of every other partitioned table, if missing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Read how far ahead."""
        parser.add_argument(
            "--months-ahead",
            type=int,
            default=MONTHS_AHEAD,
            help="months beyond this one, 0 to 24 (%(default)s)",
        )

    def handle(self, *args: Any, months_ahead: int, **options: Any) -> None:
        """Create what is missing and print it."""
        if not 0 <= months_ahead <= 24:
            raise CommandError("--months-ahead is 0 to 24.")
        created = create_partitions(now=timezone.now(), months_ahead=months_ahead)
        for partition in created:
            self.stdout.write(f"created {partition}")
        self.stdout.write(f"{len(created)} partition(s) created." if created else "Nothing missing.")
