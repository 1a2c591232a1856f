"""What lower layers need from higher ones, handed over in `AppConfig.ready()`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

log = structlog.get_logger(__name__)
HealthCheck = Callable[[], str | None]
AuditRecorder = Callable[..., None]


class NotRegistered(RuntimeError):
    """Something that must be registered at start was not."""


@dataclass(frozen=True)
class Gauge:
    """A number read from the truth when Prometheus asks."""

    name: str
    help: str
    read: Callable[[], float]


_gauges: dict[str, Gauge] = {}
_health_checks: dict[str, HealthCheck] = {}
_audit_recorder: AuditRecorder | None = None


def register_gauge(name: str, help: str, read: Callable[[], float]) -> None:
    """Offer a number that `/metrics` reads at scrape time."""
    _gauges[name] = Gauge(name, help, read)


def register_health_check(name: str, check: HealthCheck) -> None:
    """Offer a check for `/health/detailed`; it returns None when healthy, else a reason."""
    _health_checks[name] = check


def list_health_checks() -> dict[str, HealthCheck]:
    """Return the registered checks by name."""
    return dict(_health_checks)


def set_audit_recorder(recorder: AuditRecorder) -> None:
    """Tell layers below the audit log how to write into it."""
    global _audit_recorder
    _audit_recorder = recorder


def record_audit(**entry: Any) -> None:
    """Write one audit row inside the caller's transaction.

    Raises:
        NotRegistered: no audit log was registered at start.
    """
    if _audit_recorder is None:
        raise NotRegistered("No audit recorder: the app that owns the audit log must set one in ready().")
    _audit_recorder(**entry)


class GaugeCollector(Collector):
    """Reads every registered gauge when it is scraped."""

    def collect(self) -> list[GaugeMetricFamily]:
        """Return one family a gauge; one whose source is away is left out, for the counters matter then."""
        families = []
        for gauge in list(_gauges.values()):
            try:
                families.append(GaugeMetricFamily(gauge.name, gauge.help, value=gauge.read()))
            except (DatabaseError, InterfaceError) as error:
                log.warning("gauge.unreadable", gauge=gauge.name, error=type(error).__name__)
        return families
