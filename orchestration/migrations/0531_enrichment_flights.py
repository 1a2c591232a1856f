"""Reservations that lapse, one call at a time per account and provider, and rests between calls."""

from datetime import timedelta

from django.db import migrations, models
from django.db.models import F, Q


def fill_expiry(apps, schema_editor):
    spends = apps.get_model("orchestration", "EnrichmentSpend").objects.using(schema_editor.connection.alias)
    spends.update(expires_at=F("reserved_at") + timedelta(seconds=60), dispatched_at=F("reserved_at"))
    # What is still open from before the columns existed can't be told from a lost call.
    spends.filter(state="reserved").update(state="settled", outcome="lost", settled_at=F("expires_at"))


class Migration(migrations.Migration):
    # Rows are changed and constraints added: two transactions, for PostgreSQL refuses both in one.
    atomic = False

    dependencies = [("orchestration", "0201_consent_guard")]

    operations = [
        migrations.AddField("enrichmentspend", "expires_at", models.DateTimeField(null=True)),
        migrations.AddField("enrichmentspend", "dispatched_at", models.DateTimeField(null=True)),
        migrations.AddField("enrichmentspend", "rest_until", models.DateTimeField(null=True)),
        migrations.RunPython(fill_expiry, migrations.RunPython.noop, atomic=True),
        migrations.AlterField("enrichmentspend", "expires_at", models.DateTimeField()),
        migrations.AddConstraint(
            "enrichmentspend",
            models.UniqueConstraint(
                fields=["account_id", "provider"], condition=Q(state="reserved"), name="one_flight_a_provider"
            ),
        ),
        migrations.AddIndex(
            "enrichmentspend",
            models.Index(fields=["provider", "-reserved_at"], name="enrichment_provider_newest"),
        ),
        migrations.AddIndex(
            "enrichmentspend",
            models.Index(fields=["expires_at"], condition=Q(state="reserved"), name="enrichment_open"),
        ),
    ]
