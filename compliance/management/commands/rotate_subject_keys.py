"""Put every data key under the current key-encryption key."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance import key_rotation
from compliance.keys import WrappingKeyMissing

CHUNK = 500


class Command(BaseCommand):
    """Rewrap in chunks, each a transaction; stopped and started again, it goes on with what is left."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the size of a chunk."""
        parser.add_argument("--chunk", type=int, default=CHUNK, help=f"Keys a transaction, {CHUNK}.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate and say how many keys are still behind.

        Raises:
            CommandError: a key's wrapping key is not configured, or the chunk is not positive.
        """
        if options["chunk"] < 1:
            raise CommandError("--chunk must be 1 or more.")
        try:
            rotated = self._rotate(options["chunk"])
        except WrappingKeyMissing as error:
            raise CommandError(f"{error}; add it to SUBJECT_KEK_PREVIOUS.") from error
        self.stdout.write(f"{rotated} keys rewrapped, {key_rotation.count_behind()} left.")

    def _rotate(self, limit: int) -> int:
        rotated = key_rotation.rotate_months(now=timezone.now())
        chunk = key_rotation.rotate_subjects(after=None, limit=limit, now=timezone.now())
        while True:
            rotated += chunk.rotated
            if chunk.last is None:
                return rotated
            chunk = key_rotation.rotate_subjects(after=chunk.last, limit=limit, now=timezone.now())
