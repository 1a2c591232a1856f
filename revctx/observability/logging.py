"""One log format for our own records and those of the libraries."""

import logging.config
import re

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

_ADDRESS_IN_PATH = re.compile(r"(/api/consent/)[^/?\s\"]+")
_ADDRESS = re.compile(r"[^\s\"'<>/=]+(?:@|%40)[^\s\"'<>/=]+\.[^\s\"'<>/=]+")


def redact(text: str) -> str:
    """Take e-mail addresses out of a text, the one in the path of the consent endpoint first."""
    return _ADDRESS.sub("[address]", _ADDRESS_IN_PATH.sub(r"\1[address]", text))


def _redact_values(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {name: redact(value) if isinstance(value, str) else value for name, value in event.items()}


def configure_logging(*, json: bool, level: str) -> None:
    """Send every record to stderr, as JSON lines or, for a person, as coloured text."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_values,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structlog": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "django.request": {"level": "ERROR"},
                "django.server": {"level": "WARNING"},
                "celery": {"level": "WARNING"},
                "httpx2": {"level": "WARNING"},
            },
        }
    )
