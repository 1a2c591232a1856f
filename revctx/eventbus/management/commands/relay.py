"""`manage.py relay`: hand the outbox to Kafka; one leads, others stand by."""

import signal
import threading
from typing import Any

import structlog
from confluent_kafka import Producer
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from revctx.eventbus import cluster, relay
from revctx.eventbus.headroom import Headroom
from revctx.eventbus.outbox import CHANNEL
from revctx.garbage import spare_loaded_code

IDLE_SECONDS = 0.5
STANDBY_SECONDS = 2
RETRY_SECONDS = 1

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Relay the outbox until SIGTERM or SIGINT."""

    help = "Hand outbox events to Kafka, in commit order. Several may run; one leads, the others stand by."

    def handle(self, *args: Any, **options: Any) -> None:
        """Lead or wait; a lost database or broker is retried, nothing is skipped."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        producer = relay.make_producer()
        spare_loaded_code()
        while not stop.is_set():
            try:
                self._lead(producer, stop)
            except (OperationalError, InterfaceError) as error:
                log.warning("relay.database_lost", error=type(error).__name__)
                connection.close()
                stop.wait(RETRY_SECONDS)
        producer.flush(5)

    def _lead(self, producer: Producer, stop: threading.Event) -> None:
        """Wait for the leader's lock, then publish until stopped or the connection is lost."""
        while not cluster.try_lead():
            if stop.wait(STANDBY_SECONDS):
                return
        log.info("relay.leading")
        with connection.cursor() as sql:
            sql.execute(f"LISTEN {CHANNEL}")
        cursor, headroom = relay.load_cursor(now=timezone.now()), Headroom()
        while not stop.is_set():
            try:
                published = relay.relay_batch(
                    producer=producer, cursor=cursor, headroom=headroom, now=timezone.now()
                )
            except relay.NotDelivered as error:
                log.warning("relay.not_delivered", reason=str(error))
                cursor.refresh_from_db()
                stop.wait(RETRY_SECONDS)
                continue
            if not published:
                _wait_for_notify()


def _wait_for_notify() -> None:
    """Sleep until an outbox is written to, at most half a second."""
    raw = connection.connection
    with connection.wrap_database_errors:  # else a lost connection would not be known as one
        for _ in raw.notifies(timeout=IDLE_SECONDS, stop_after=1):
            pass
