"""Application of the event bus."""

from django.apps import AppConfig

from revctx.observability import registry


class EventBusConfig(AppConfig):
    """Outbox, relay, bridges and work items."""

    name = "revctx.eventbus"
    label = "eventbus"

    def ready(self) -> None:
        """Offer the bus's health checks and gauges."""
        from revctx.eventbus import health

        registry.register_health_check("kafka", health.check_kafka)
        registry.register_health_check("bridges", health.check_bridges)
        registry.register_health_check("outbox", health.check_outbox)
        registry.register_health_check("relay", health.check_relay)
        registry.register_health_check("work_backlog", health.check_backlog)
        registry.register_gauge(
            "outbox_age_seconds", "Age of the oldest event not handed to Kafka.", health.outbox_age_seconds
        )
        registry.register_gauge(
            "work_items_open", "Work items that wait, all groups.", lambda: float(health.count_open())
        )
        registry.register_gauge("work_items_dead", "Work items given up.", lambda: float(health.count_dead()))
        registry.register_gauge(
            "xmin_horizon_age_seconds",
            "Age of the oldest transaction that holds back the relay.",
            health.xmin_horizon_age_seconds,
        )
