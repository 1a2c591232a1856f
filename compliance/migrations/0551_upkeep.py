"""How long deliveries that ended in quarantine are remembered, and what the last reconciliation found."""

from datetime import UTC, datetime

from django.db import migrations, models


def create_default(apps, schema_editor):
    schedules = apps.get_model("compliance", "RetentionSchedule").objects.using(
        schema_editor.connection.alias
    )
    schedules.create(
        data_class="deliveries",
        keep_days=30,
        reason="ten times as long as any sender repeats itself; never below 4 days",
        updated_at=datetime.now(UTC),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0501_subject_links"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditReconciliation",
            fields=[
                ("name", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("compared_at", models.DateTimeField()),
                ("unrecorded", models.PositiveIntegerField()),
            ],
            options={
                "db_table": "audit_reconciliations",
            },
        ),
        migrations.RunPython(create_default, migrations.RunPython.noop),
    ]
