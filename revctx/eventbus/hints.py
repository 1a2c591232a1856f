"""Celery messages that only say «there is work»."""

import structlog
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


def hint(*, group: str, count: int) -> None:
    """Wake a worker of a group; if Redis is away the sweeper will, so the loss is only logged."""
    target = settings.EVENT_GROUPS[group]
    try:
        current_app.send_task(target["task"], kwargs={"count": count}, queue=target["queue"])
    except OperationalError as error:
        log.warning("hint.lost", group=group, error=type(error).__name__)
