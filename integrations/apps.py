"""The integrations app: doors to and from other people's systems."""

from django.apps import AppConfig
from django.utils import timezone

from compliance import audit, erasure, retention
from compliance.privacy import registry as privacy
from revctx.observability import registry

# The newest row must say what holds; the provider of the settings comes with the table.
_UNRECORDED_SOURCES = """
SELECT s.id::text FROM integration_sources s
WHERE s.updated_at >= %(since)s AND s.enabled::text IS DISTINCT FROM (
    SELECT a.payload->>'enabled' FROM audit_logs a
    WHERE a.target_id = s.id::text AND a.target_type = 'integration_source' ORDER BY a.id DESC LIMIT 1)
"""
_UNRECORDED_PROVIDERS = """
SELECT p.id::text FROM enrichment_providers p LEFT JOIN LATERAL (
    SELECT a.payload FROM audit_logs a
    WHERE a.target_id = p.id::text AND a.target_type = 'enrichment_provider' ORDER BY a.id DESC LIMIT 1
) AS said ON true, LATERAL (SELECT coalesce(said.payload,
    CASE p.id WHEN '0199a000-0000-7000-8000-000000000531'
    THEN '{"enabled": true, "price_micro_dollars": 100000, "position": 10}'::jsonb END)) AS due(facts)
WHERE p.updated_at >= %(since)s AND (p.enabled::text, p.price_micro_dollars::text, p.position::text)
    IS DISTINCT FROM (facts->>'enabled', facts->>'price_micro_dollars', facts->>'position')
"""


class IntegrationsConfig(AppConfig):
    """Checks the connectors' settings at start, and registers what the app records and erases."""

    name = "integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, the models of the connectors, transitions, eraser and gauge."""
        # Importing registers the checks; these need the settings and the models to be complete.
        from integrations import checks, exporters, places, references, replaying  # noqa: F401
        from integrations.enrichment import models as providers  # noqa: F401
        from integrations.outreach import models  # noqa: F401
        from integrations.salesforce import deliveries
        from integrations.salesforce.changes import cursors

        places.register_places()
        privacy.register_exporter("integrations", exporters.export_references)
        audit.register_transitions(
            "integrations",
            {
                *("integration_source.created", "integration_source.changed"),
                *("enrichment_provider.created", "enrichment_provider.changed"),
            },
        )
        audit.register_reconciliation("source", _UNRECORDED_SOURCES)
        audit.register_reconciliation("provider", _UNRECORDED_PROVIDERS)
        erasure.register_eraser("integrations", references.forget_subject)
        retention.register_retention(
            "deliveries", deliveries.forget_deliveries, least_days=deliveries.LEAST_DAYS
        )
        replaying.register_mappers()
        registry.register_gauge(
            "connector_cursor_age_seconds",
            "Time since a stream of changes last told its position, seconds; 0 without streams.",
            lambda: cursors.read_age_seconds(now=timezone.now()),
        )
