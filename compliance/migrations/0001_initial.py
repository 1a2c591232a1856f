"""Create the audit log, subjects with their keys, consent and suppressions, with their guards."""

import uuid
from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import compliance.models
from compliance.partitions import CreateMonthlyPartitionedModel, MakeAppendOnly

AUDIT_KEEP_MONTHS = 84
SQL = Path(__file__).resolve().parent.parent / "sql"


def run_file(name):
    return migrations.RunSQL(
        (SQL / f"{name}_0001.sql").read_text(encoding="utf-8"),
        (SQL / f"{name}_0001_reverse.sql").read_text(encoding="utf-8"),
    )


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        run_file("append_only"),
        run_file("partitions"),
        migrations.CreateModel(
            name="MonthKey",
            fields=[
                ("month", models.DateField(primary_key=True, serialize=False)),
                ("wrapped_key", models.BinaryField(null=True)),
                ("wrapping_key_id", models.CharField(max_length=16)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "month_keys",
            },
        ),
        CreateMonthlyPartitionedModel(
            name="AuditLog",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=compliance.models.UuidV7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "txid",
                    models.BigIntegerField(
                        db_default=compliance.models.CurrentTransactionId(), editable=False
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
                ("name", models.CharField(max_length=64)),
                ("actor", models.CharField(max_length=64)),
                ("target_type", models.CharField(max_length=32)),
                ("target_id", models.CharField(blank=True, max_length=128)),
                ("account_id", models.UUIDField(blank=True, null=True)),
                ("request_id", models.CharField(blank=True, max_length=128)),
                ("payload", models.JSONField(blank=True, default=dict)),
            ],
            options={
                "verbose_name": "audit event",
                "db_table": "audit_logs",
                "ordering": ("-recorded_at", "-id"),
                "indexes": [
                    models.Index(fields=["-recorded_at", "-id"], name="audit_newest"),
                    models.Index(fields=["name", "-recorded_at", "-id"], name="audit_by_name"),
                    models.Index(fields=["actor", "-recorded_at", "-id"], name="audit_by_actor"),
                    models.Index(fields=["target_id", "-recorded_at", "-id"], name="audit_by_target"),
                    models.Index(
                        condition=models.Q(("request_id", ""), _negated=True),
                        fields=["request_id", "-recorded_at", "-id"],
                        name="audit_by_request",
                    ),
                    models.Index(
                        condition=models.Q(("account_id__isnull", False)),
                        fields=["account_id", "-recorded_at", "-id"],
                        name="audit_by_account",
                    ),
                ],
            },
            partition_key="recorded_at",
            append_only=True,
            keep_months=AUDIT_KEEP_MONTHS,
        ),
        run_file("audit"),
        migrations.CreateModel(
            name="Subject",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("address_hash", models.BinaryField(max_length=32, null=True, unique=True)),
                ("hash_key_id", models.CharField(max_length=16)),
                ("wrapped_key", models.BinaryField(null=True)),
                ("wrapping_key_id", models.CharField(max_length=16)),
                ("sealed_address", models.BinaryField(null=True)),
                ("created_at", models.DateTimeField()),
                ("erased_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "subjects",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("address_hash__isnull", False),
                                ("erased_at__isnull", True),
                                ("sealed_address__isnull", False),
                                ("wrapped_key__isnull", False),
                            ),
                            models.Q(
                                ("address_hash__isnull", True),
                                ("erased_at__isnull", False),
                                ("sealed_address__isnull", True),
                                ("wrapped_key__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="subject_whole_or_erased",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Suppression",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("address_hash", models.BinaryField(max_length=32)),
                ("hash_key_id", models.CharField(max_length=16)),
                ("reason", models.CharField(choices=[("erased", "Erased")], max_length=16)),
                ("created_at", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "suppressions",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at__isnull", True)),
                        fields=("address_hash",),
                        name="suppression_standing",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ConsentRevision",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("purpose", models.CharField(max_length=32)),
                ("channel", models.CharField(max_length=32)),
                ("number", models.PositiveIntegerField()),
                (
                    "status",
                    models.CharField(choices=[("granted", "Granted"), ("revoked", "Revoked")], max_length=16),
                ),
                ("lawful_basis", models.CharField(max_length=32)),
                ("jurisdiction", models.CharField(max_length=8)),
                ("notice_version", models.CharField(max_length=64)),
                ("source", models.CharField(max_length=64)),
                ("sealed_proof", models.BinaryField(null=True)),
                ("captured_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("actor", models.CharField(max_length=64)),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "txid",
                    models.BigIntegerField(
                        db_default=compliance.models.CurrentTransactionId(), editable=False
                    ),
                ),
                (
                    "subject",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.subject",
                    ),
                ),
            ],
            options={
                "db_table": "consent_revisions",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("subject", "purpose", "channel", "number"), name="consent_revision_number"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True),
                            ("expires_at__gt", models.F("captured_at")),
                            _connector="OR",
                        ),
                        name="consent_expires_after_capture",
                    ),
                ],
            },
        ),
        MakeAppendOnly("ConsentRevision"),
        run_file("consent"),
    ]
