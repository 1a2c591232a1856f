"""Name the persons in a quarantined payload, so that their erasure reaches it."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("signals", "0002_catalogue"),
    ]

    operations = [
        migrations.AddField(
            model_name="quarantinedpayload",
            name="subject_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), default=list, size=None
            ),
        ),
        migrations.AlterField(
            model_name="quarantinedpayload",
            name="sealed",
            field=models.BinaryField(null=True),
        ),
        migrations.AddIndex(
            model_name="quarantinedpayload",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["subject_ids"], name="signal_quarantine_subjects"
            ),
        ),
    ]
