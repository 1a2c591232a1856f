"""`manage.py salesforce_cdc`: follow Salesforce's change events."""

import signal
import threading
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from integrations.salesforce import oauth
from integrations.salesforce.changes.following import follow
from integrations.salesforce.changes.pubsub import PubSubStream

STANDBY_SECONDS = 5.0
# Any number that no other lock of the product has.
LOCK = 7_402_001

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Follow the topic until SIGTERM or SIGINT."""

    help = "Follow Salesforce's change events (SALESFORCE_CHANGE_TOPIC). A second one stands by."

    def handle(self, *args: Any, **options: Any) -> None:
        """Wait to be the only one, then follow.

        Raises:
            CommandError: a setting is missing.
        """
        if not (settings.SALESFORCE_CHANGE_TOPIC and oauth.is_configured()):
            raise CommandError(
                "Set SALESFORCE_CHANGE_TOPIC, SALESFORCE_LOGIN_URL, SALESFORCE_CLIENT_ID and "
                "SALESFORCE_CLIENT_SECRET first."
            )
        stop = threading.Event()
        stream = PubSubStream(url=settings.SALESFORCE_PUBSUB_URL, tokens=oauth.get_tokens())

        def end(*_: Any) -> None:
            stop.set()
            stream.close()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        while not stop.is_set() and not _try_lead():
            stop.wait(STANDBY_SECONDS)
        log.info("changes.following", topic=settings.SALESFORCE_CHANGE_TOPIC)
        follow(stream=stream, topic=settings.SALESFORCE_CHANGE_TOPIC, stop=stop, clock=timezone.now)


def _try_lead() -> bool:
    """Take the lock of the connection; two at once would store nothing twice, but ask for all twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])
