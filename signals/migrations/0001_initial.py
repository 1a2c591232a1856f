"""Create the signal store; `signals` is partitioned by month of receipt and append-only."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

from compliance.partitions import CreateMonthlyPartitionedModel, MakeAppendOnly

KEEP_MONTHS = 13


class Migration(migrations.Migration):
    """Tables, indexes and guards."""

    initial = True
    dependencies = [("compliance", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="SignalType",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("label", models.CharField(max_length=100)),
                ("description", models.TextField()),
                ("payload_schema", models.JSONField(default=dict)),
                ("claims", models.JSONField(default=list)),
            ],
            options={"db_table": "signal_types", "ordering": ["name"]},
        ),
        migrations.CreateModel(
            name="SignalCode",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("list_name", models.CharField(max_length=40)),
                ("code", models.CharField(max_length=64)),
                ("label", models.CharField(max_length=100)),
            ],
            options={
                "db_table": "signal_codes",
                "ordering": ["list_name", "code"],
                "constraints": [
                    models.UniqueConstraint(fields=("list_name", "code"), name="signal_codes_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("code__regex", "^[a-z0-9_]+$")), name="signal_codes_slug"
                    ),
                ],
            },
        ),
        CreateMonthlyPartitionedModel(
            name="Signal",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("received_at", models.DateTimeField()),
                ("occurred_at", models.DateTimeField()),
                ("source", models.CharField(max_length=64)),
                ("type", models.CharField(max_length=64)),
                ("account", models.JSONField()),
                ("subject_id", models.UUIDField(null=True)),
                ("strength", models.FloatField(default=1.0)),
                ("attributes", models.JSONField(default=dict)),
                ("sealed", models.BinaryField()),
                ("schema_version", models.PositiveSmallIntegerField(default=1)),
                ("request_id", models.CharField(default="", max_length=128)),
                ("conflicts_with", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "signals",
                "ordering": ["-occurred_at", "-id"],
                "indexes": [
                    models.Index(fields=["-occurred_at", "-id"], name="signals_occurred"),
                    models.Index(fields=["type", "-occurred_at", "-id"], name="signals_type_occurred"),
                    models.Index(fields=["source", "-occurred_at", "-id"], name="signals_source_occurred"),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["account"],
                        name="signals_account",
                        opclasses=["jsonb_path_ops"],
                        fastupdate=False,
                    ),
                    models.Index(
                        condition=models.Q(("conflicts_with__isnull", False)),
                        fields=["conflicts_with"],
                        name="signals_conflicts",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("strength__gt", 0), ("strength__lte", 10)),
                        name="signals_strength_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("occurred_at__lte", models.F("received_at"))),
                        name="signals_not_in_the_future",
                    ),
                ],
            },
            partition_key="received_at",
            append_only=True,
            keep_months=KEEP_MONTHS,
        ),
        # Readers that follow the table (shadow runs) order by transaction, below the xmin horizon.
        migrations.RunSQL(
            "ALTER TABLE signals ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id()",
            "ALTER TABLE signals DROP COLUMN txid",
        ),
        migrations.CreateModel(
            name="SignalKey",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("source", models.CharField(max_length=64)),
                ("key_hash", models.BinaryField(max_length=32)),
                ("signal_id", models.UUIDField()),
                ("subject_id", models.UUIDField(null=True)),
                ("fingerprint", models.BinaryField(max_length=36)),
                ("received_at", models.DateTimeField()),
            ],
            options={
                "db_table": "signal_keys",
                "constraints": [
                    models.UniqueConstraint(fields=("source", "key_hash"), name="signal_keys_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="SignalConflict",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("signal_id", models.UUIDField()),
                ("subject_id", models.UUIDField(null=True)),
                ("fingerprint", models.BinaryField(max_length=36)),
                ("received_at", models.DateTimeField()),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="conflicts",
                        to="signals.signalkey",
                    ),
                ),
            ],
            options={
                "db_table": "signal_conflicts",
                "constraints": [
                    models.UniqueConstraint(fields=("key", "fingerprint"), name="signal_conflicts_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="QuarantinedPayload",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("source", models.CharField(max_length=64)),
                ("reason", models.CharField(max_length=64)),
                ("sealed", models.BinaryField()),
                ("received_at", models.DateTimeField()),
                ("request_id", models.CharField(default="", max_length=128)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("resolved", "Resolved")], default="open", max_length=10
                    ),
                ),
            ],
            options={
                "db_table": "signal_quarantine",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["-received_at", "-id"],
                        name="signal_quarantine_open",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportCheckpoint",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("file_sha256", models.CharField(max_length=64)),
                ("mapping_sha256", models.CharField(max_length=64)),
                ("source", models.CharField(max_length=64)),
                ("line", models.PositiveBigIntegerField(default=0)),
                ("accepted", models.PositiveBigIntegerField(default=0)),
                ("duplicates", models.PositiveBigIntegerField(default=0)),
                ("conflicts", models.PositiveBigIntegerField(default=0)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "signal_imports",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("file_sha256", "mapping_sha256"), name="signal_imports_unique"
                    )
                ],
            },
        ),
        MakeAppendOnly("SignalKey"),
        MakeAppendOnly("SignalConflict"),
    ]
