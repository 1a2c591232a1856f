"""Providers of company facts; the one of the settings is there from the start."""

import uuid
from uuid import UUID

import django.core.validators
from django.db import migrations, models

import integrations.enrichment.validators


def seed(apps, schema_editor):
    apps.get_model("integrations", "EnrichmentProvider").objects.using(schema_editor.connection.alias).create(
        id=UUID("0199a000-0000-7000-8000-000000000531"),
        slug="clearbit",
        label="Clearbit",
        kind="clearbit",
        fields=["industry", "employees", "annual_revenue", "country", "technologies"],
        price_micro_dollars=100_000,
        position=10,
    )


class Migration(migrations.Migration):
    dependencies = [("integrations", "0402_salesforce")]

    operations = [
        migrations.CreateModel(
            name="EnrichmentProvider",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "slug",
                    models.CharField(
                        help_text="Ledger, audit, metrics and the sources of facts name it.",
                        max_length=32,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z0-9][a-z0-9_-]{0,31}\\Z", "Lower-case letters, digits, '_' and '-'."
                            ),
                            integrations.enrichment.validators.check_not_trusted,
                        ],
                        verbose_name="name in the ledger",
                    ),
                ),
                ("label", models.CharField(max_length=100, verbose_name="name for people")),
                (
                    "kind",
                    models.CharField(
                        choices=[("clearbit", "Clearbit's company look-up"), ("plain", "plain facts")],
                        max_length=16,
                    ),
                ),
                (
                    "base_url",
                    models.CharField(
                        blank=True,
                        help_text="Empty: ENRICHMENT_BASE_URL with the key ENRICHMENT_API_KEY.",
                        max_length=200,
                        validators=[integrations.enrichment.validators.check_address],
                        verbose_name="base address",
                    ),
                ),
                ("live_key", models.BinaryField(default=bytes)),
                (
                    "fields",
                    models.JSONField(
                        default=list,
                        help_text="Of industry, employees, annual_revenue, country, technologies.",
                        validators=[integrations.enrichment.validators.check_fields],
                    ),
                ),
                (
                    "price_micro_dollars",
                    models.PositiveIntegerField(
                        help_text="The most that one call can cost: 100000 is ten cents.",
                        validators=[django.core.validators.MaxValueValidator(10_000_000)],
                    ),
                ),
                (
                    "misses_cost",
                    models.BooleanField(
                        default=False, help_text="A company that it does not know costs too."
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(default=10, help_text="Lower ones are asked first."),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={"db_table": "enrichment_providers", "ordering": ["position", "slug"]},
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
