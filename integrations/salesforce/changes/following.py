"""Follow a stream of changes for as long as the process lives."""

import random
import threading
from collections.abc import Callable
from datetime import datetime

import structlog
from django.db import InterfaceError, OperationalError, connection

from integrations.salesforce.changes import cursors
from integrations.salesforce.changes.storing import begin_again, store_page
from integrations.salesforce.changes.stream import ChangeStream, PositionLost, StreamLost

MAX_WAIT_SECONDS = 60.0
log = structlog.get_logger(__name__)


def follow(
    *,
    stream: ChangeStream,
    topic: str,
    stop: threading.Event,
    clock: Callable[[], datetime],
    first_wait_seconds: float = 1.0,
) -> None:
    """Read until `stop` is set; after any break, subscribe again behind the last committed page."""
    failures = 0
    while not stop.is_set():
        try:
            for page in stream.read(topic=topic, after=cursors.find_position(topic)):
                store_page(topic=topic, page=page, now=clock())
                failures = 0
                if stop.is_set():
                    return
        except PositionLost:
            log.warning("changes.position_lost", topic=topic)
            begin_again(topic=topic, now=clock())
        except StreamLost as error:
            log.warning("changes.lost", topic=topic, reason=error.code)
        except (OperationalError, InterfaceError) as error:
            log.warning("changes.database_lost", error=type(error).__name__)
            connection.close()
        failures += 1
        wait = min(MAX_WAIT_SECONDS, first_wait_seconds * 2 ** min(failures - 1, 10))
        stop.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load, keeps no secret)
