"""Create the record of breaches."""

import uuid

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0302_retention"),
    ]

    operations = [
        migrations.CreateModel(
            name="Breach",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("summary", models.CharField(max_length=1000)),
                (
                    "nature",
                    models.CharField(
                        choices=[
                            ("confidentiality", "confidentiality"),
                            ("integrity", "integrity"),
                            ("availability", "availability"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "risk",
                    models.CharField(
                        choices=[("unlikely", "unlikely"), ("risk", "risk"), ("high", "high")], max_length=16
                    ),
                ),
                (
                    "places",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), size=None
                    ),
                ),
                ("recorded_from", models.DateTimeField(null=True)),
                ("recorded_until", models.DateTimeField()),
                ("aware_at", models.DateTimeField()),
                ("authority_due_at", models.DateTimeField()),
                ("authority_notified_at", models.DateTimeField(null=True)),
                ("authority_code", models.CharField(blank=True, max_length=32)),
                ("persons_told_at", models.DateTimeField(null=True)),
                ("persons_code", models.CharField(blank=True, max_length=32)),
                ("closed_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "breaches",
                "db_table": "breaches",
                "ordering": ("-aware_at", "-id"),
                "indexes": [models.Index(fields=["-aware_at", "-id"], name="breaches_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("recorded_from__isnull", True),
                            ("recorded_from__lt", models.F("recorded_until")),
                            _connector="OR",
                        ),
                        name="breach_period",
                    )
                ],
            },
        ),
    ]
