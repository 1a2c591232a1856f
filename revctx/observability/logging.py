"""One log format for our own records and those of the libraries."""

import logging.config
import re
from typing import Any

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

_ADDRESS_IN_PATH = re.compile(r"(/api/consent/)[^/?\s\"]+")
_ADDRESS = re.compile(r"[^\s\"'<>/=]+(?:@|%40)[^\s\"'<>/=]+\.[^\s\"'<>/=]+")


def redact(text: str) -> str:
    """Take e-mail addresses out of a text, the one in the path of the consent endpoint first."""
    return _ADDRESS.sub("[address]", _ADDRESS_IN_PATH.sub(r"\1[address]", text))


def _redact_values(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {name: redact(value) if isinstance(value, str) else value for name, value in event.items()}


_QUIETER = {"django.request": "ERROR", "django.server": "WARNING", "celery": "WARNING", "httpx2": "WARNING"}


def configure_logging(*, json: bool, level: str) -> None:
    """Send every record to stderr, as JSON lines or, for a person, as plain text."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_values,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_standard_library(shared, json=json, level=level))


def _standard_library(shared: list[Processor], *, json: bool, level: str) -> dict[str, Any]:
    """Return the configuration that gives records of libraries the same treatment."""
    print_line: Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, print_line],
        "foreign_pre_chain": shared,
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structlog": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {name: {"level": quieter} for name, quieter in _QUIETER.items()},
    }
