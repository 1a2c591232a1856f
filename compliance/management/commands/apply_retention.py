"""`manage.py apply_retention`: delete what has outlived its schedule."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from compliance.privacy.retaining import apply_retention


class Command(BaseCommand):
    """Apply the retention schedules; also run daily by beat."""

    help = "Delete what is older than the retention schedule of its class allows."

    def handle(self, *args: Any, **options: Any) -> None:
        """Apply and print what went, a class a line."""
        for data_class, count in apply_retention(now=timezone.now()).items():
            self.stdout.write(f"{data_class:<20} {count}")
