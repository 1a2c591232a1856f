"""`manage.py rotate_audit_key`: let a new key seal from now on."""

import base64
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from compliance.sealing.keys import Signer
from compliance.sealing.rotation import NotRotatable, rotate_key


class Command(BaseCommand):
    """Sign the hand-over with both keys."""

    help = (
        "Hand the sealing over from AUDIT_SIGNING_KEY to the key in a file; then restart the sealer with it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file."""
        parser.add_argument("new_key_file", type=Path, help="32 bytes, base64")

    def handle(self, *args: Any, new_key_file: Path, **options: Any) -> None:
        """Rotate.

        Raises:
            CommandError: a key is missing, malformed or not the one that seals.
        """
        if not settings.AUDIT_SIGNING_KEY:
            raise CommandError("AUDIT_SIGNING_KEY, the key that seals now, is missing.")
        try:
            new = Signer(base64.b64decode(new_key_file.read_text().strip(), validate=True))
            old = Signer(settings.AUDIT_SIGNING_KEY)
            rotation = rotate_key(old=old, new=new, actor="system:rotate_audit_key", now=timezone.now())
        except (NotRotatable, ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"From leaf {rotation.size} on {rotation.new} seals.")
        self.stdout.write("Set AUDIT_SIGNING_KEY to the new key and restart the sealer.")
