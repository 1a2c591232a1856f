"""Create retention schedules with their defaults."""

from datetime import UTC, datetime

from django.db import migrations, models

DEFAULTS = (
    ("signals", 400, "13 months: a year of buying and a month to compare it with; months are dropped whole"),
    ("drafts", 90, "texts of closed actions: long enough for a complaint about a letter"),
    ("quarantine", 30, "long enough to mend a mapping"),
    ("exports", 30, "long enough for the person to fetch it"),
    ("privacy_requests", 731, "CCPA regulations section 7101: 24 months; then details go, the record stays"),
)


def create_defaults(apps, schema_editor):
    schedules = apps.get_model("compliance", "RetentionSchedule").objects.using(
        schema_editor.connection.alias
    )
    for data_class, keep_days, reason in DEFAULTS:
        schedules.create(
            data_class=data_class, keep_days=keep_days, reason=reason, updated_at=datetime.now(UTC)
        )


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0301_privacy_requests"),
    ]

    operations = [
        migrations.CreateModel(
            name="RetentionSchedule",
            fields=[
                ("data_class", models.CharField(max_length=32, primary_key=True, serialize=False)),
                (
                    "keep_days",
                    models.PositiveIntegerField(help_text="Days. What is older goes at the next daily run."),
                ),
                ("reason", models.CharField(max_length=200)),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "db_table": "retention_schedules",
                "ordering": ("data_class",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("keep_days__gte", 1)), name="retention_at_least_a_day"
                    )
                ],
            },
        ),
        migrations.RunPython(create_defaults, migrations.RunPython.noop),
    ]
