"""`manage.py reconcile_audit`: does every state that was reached have its audit row?"""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from compliance.reconciliation import STATEMENTS, find_unrecorded


class Command(BaseCommand):
    """Compare states with audit rows; exit with 1 if a row is missing."""

    help = "Name every state that was reached without an audit row."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how far to look back."""
        parser.add_argument("--days", type=int, default=1, help="how far to look back (default: 1)")

    def handle(self, *args: Any, days: int, **options: Any) -> None:
        """Compare and print.

        Raises:
            CommandError: some states have no row (exit code 1).
        """
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        found = find_unrecorded(since=timezone.now() - timedelta(days=days))
        for name, ids in found.items():
            self.stdout.write(f"! {name}: {len(ids)} without an audit row, such as {', '.join(ids[:5])}")
        if found:
            raise CommandError("States were reached that the audit log does not know.")
        self.stdout.write(f"Every state has its audit row ({', '.join(sorted(STATEMENTS))}).")
