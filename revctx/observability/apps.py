"""Application of metrics, logs, health and request ids."""

from django.apps import AppConfig

from revctx.observability import heartbeats, registry


class ObservabilityConfig(AppConfig):
    """Metrics, logs, health and request ids."""

    name = "revctx.observability"
    label = "observability"

    def ready(self) -> None:
        """Offer the number of live workers."""
        registry.register_gauge(
            "kafka_consumers_active",
            "Live workers of the groups that work off Kafka's events.",
            lambda: float(heartbeats.count_alive()),
        )
