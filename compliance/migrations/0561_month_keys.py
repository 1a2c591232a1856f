"""How long the keys of months and the log of sign-ins are kept."""

from datetime import UTC, datetime

from django.db import migrations

DEFAULTS = (
    ("month_keys", 400, "as long as signals; the key of a month that still opens something stays"),
    ("sign_ins", 90, "long enough to look into an attack; expired sessions go with them"),
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
        ("compliance", "0551_upkeep"),
    ]

    operations = [
        migrations.RunPython(create_defaults, migrations.RunPython.noop),
    ]
