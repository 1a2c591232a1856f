"""`manage.py reapply_erasures`: what was erased stays erased after a backup was restored."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.privacy import reapplying
from compliance.privacy.journal import JournalUnavailable
from compliance.privacy.signing import SignatureBroken


class Command(BaseCommand):
    """Apply the journal of erasures to this database and declare it ready."""

    help = "Carry out again every erasure, objection and restriction of the journal that a restore undid."

    def handle(self, *args: Any, **options: Any) -> None:
        """Apply; a second run changes nothing.

        Raises:
            CommandError: the journal cannot be trusted or read; the database stays unready.
        """
        try:
            count = reapplying.reapply(now=timezone.now())
        except (JournalUnavailable, SignatureBroken) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"reapplied {count}; the database is ready")
