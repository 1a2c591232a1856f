"""`manage.py bridge --group NAME`: turn Kafka events into work items of one group."""

import signal
import threading
from typing import Any

import structlog
from confluent_kafka import KafkaException
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, connection

from revctx.eventbus.bridge import Bridge
from revctx.garbage import spare_loaded_code

RETRY_SECONDS = 1

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Bridge one group until SIGTERM or SIGINT."""

    help = "Store the events of a group's topics as its work items. Several of a group share its partitions."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the group."""
        parser.add_argument("--group", required=True, choices=sorted(settings.EVENT_GROUPS))

    def handle(self, *args: Any, **options: Any) -> None:
        """Bridge; after an error the consumer starts anew from the last committed offset."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        spare_loaded_code()
        while not stop.is_set():
            bridge = Bridge(options["group"])
            try:
                self._run(bridge, stop)
            finally:
                self._close(bridge)
            stop.wait(0 if stop.is_set() else RETRY_SECONDS)

    def _run(self, bridge: Bridge, stop: threading.Event) -> None:
        log.info("bridge.started", group=bridge.group)
        try:
            while not stop.is_set():
                bridge.step()
        except (KafkaException, OperationalError, InterfaceError) as error:
            log.warning("bridge.interrupted", group=bridge.group, error=type(error).__name__)
            connection.close()

    def _close(self, bridge: Bridge) -> None:
        try:
            bridge.close()
        except (KafkaException, OperationalError, InterfaceError) as error:
            log.warning("bridge.close_failed", group=bridge.group, error=type(error).__name__)
