"""The contexts app: accounts, their evidence and their score."""

from django.apps import AppConfig

from compliance import audit


class ContextsConfig(AppConfig):
    """Registers what the app records, measures and erases."""

    name = "contexts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the app's transitions, its eraser and its gauges."""
        from compliance import erasure  # models are loaded by now, not earlier
        from compliance.breaches import registry as breaches
        from compliance.privacy import registry as privacy
        from contexts import erasers, exporters, gauges, places, reconciliation

        audit.register_transitions(
            "contexts",
            {
                *("account.created", "context.updated", "config.activated"),
                *("account.enriched", "account.facts_recorded"),
                *("config_rollout.started", "config_rollout.superseded", "config_rollout.finished"),
                "evidence.retracted",
                *("context_replay.started", "context_replay.given_up", "context_replay.finished"),
                *("account.merged", "account.split", "contact.merged", "contact.split"),
                *("match.noted", "match.dismissed", "match.failed"),
            },
        )
        places.register_places()
        for name, statement in reconciliation.OWN.items():
            audit.register_reconciliation(name, statement)
        erasure.register_eraser("contexts", erasers.erase_subject)
        privacy.register_exporter("contexts", exporters.export_subject)
        breaches.register_finder("contexts_contact", exporters.find_persons)
        privacy.register_stopper("contexts", erasers.stop_scoring)
        privacy.register_corrector("contexts", exporters.correct_subject)
        gauges.register()
