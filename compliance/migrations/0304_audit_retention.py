"""Keep the audit log for seven years by default."""

from datetime import UTC, datetime

from django.db import migrations

REASON = "7 years: limitation of claims and of fines; months are retired with their seals"


def create_default(apps, schema_editor):
    schedules = apps.get_model("compliance", "RetentionSchedule").objects.using(
        schema_editor.connection.alias
    )
    schedules.create(data_class="audit", keep_days=2557, reason=REASON, updated_at=datetime.now(UTC))


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0303_breaches"),
    ]

    operations = [
        migrations.RunPython(create_default, migrations.RunPython.noop),
    ]
