"""`manage.py demo`: follow a signal through the running product and check the brief's criteria."""

from typing import Any

import httpx2
from django.core.management.base import BaseCommand, CommandError

from revctx.demo import journey as steps
from revctx.demo.client import DemoFailed


class Command(BaseCommand):
    """Post the brief's webhook, follow a fresh account to the sent e-mail, check every criterion."""

    help = "Follow a signal hop by hop through the running stack; exit 1 if a success criterion fails."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the tour.

        Raises:
            CommandError: a criterion failed, or nothing is running.
        """
        try:
            journey = steps.begin()
            self.stdout.write("The brief's example")
            steps.post_the_brief(journey, self._report)
            self.stdout.write(f"A fresh account with a consented contact: {journey.name}")
            steps.follow(journey, self._report)
            self.stdout.write("A fresh account where nobody has consented")
            steps.review_task(journey, self._report)
        except httpx2.TransportError as error:
            raise CommandError("Nothing answers. Start the product with `make run` first.") from error
        except DemoFailed as error:
            raise CommandError(f"The demo failed: {error}") from error
        self.stdout.write(self.style.SUCCESS("Every success criterion holds."))

    def _report(self, what: str, detail: str) -> None:
        self.stdout.write(f"  {what:<22} {detail}")
        self.stdout.flush()
