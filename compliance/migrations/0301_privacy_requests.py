"""Create privacy requests with their targets, exports, certificates, restrictions and the vault."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

from compliance.partitions import MakeAppendOnly

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0203_consent_policies"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClusterMark",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("cluster", models.CharField(max_length=64)),
                ("applied_at", models.DateTimeField()),
            ],
            options={
                "db_table": "privacy_cluster_mark",
            },
        ),
        migrations.CreateModel(
            name="EscrowedKey",
            fields=[
                ("subject_id", models.UUIDField(primary_key=True, serialize=False)),
                ("wrapped_key", models.BinaryField()),
                ("wrapping_key_id", models.CharField(max_length=16)),
                ("shred_at", models.DateTimeField()),
            ],
            options={
                "db_table": "privacy_vault",
            },
        ),
        migrations.CreateModel(
            name="PrivacyRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("access", "access"),
                            ("portability", "portability"),
                            ("rectification", "rectification"),
                            ("erasure", "erasure"),
                            ("restriction", "restriction"),
                            ("objection", "objection"),
                            ("opt_out", "opt_out"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("received", "received"),
                            ("identity_unverified", "identity_unverified"),
                            ("verified", "verified"),
                            ("approved", "approved"),
                            ("denied", "denied"),
                            ("executing", "executing"),
                            ("awaiting_connector", "awaiting_connector"),
                            ("complete", "complete"),
                            ("on_hold", "on_hold"),
                            ("error", "error"),
                            ("duplicate", "duplicate"),
                        ],
                        default="received",
                        max_length=24,
                    ),
                ),
                ("held_from", models.CharField(blank=True, max_length=24)),
                ("reason_code", models.CharField(blank=True, max_length=64)),
                ("jurisdiction", models.CharField(max_length=8)),
                ("regime", models.CharField(max_length=16)),
                ("verified_by", models.CharField(blank=True, max_length=64)),
                ("sealed_details", models.BinaryField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("confirm_by", models.DateTimeField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("due_at", models.DateTimeField()),
                ("extension_reason", models.CharField(blank=True, max_length=32)),
                ("verified_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                ("shred_at", models.DateTimeField(null=True)),
                ("pre_erasure_notice_at", models.DateTimeField(null=True)),
                ("updated_at", models.DateTimeField()),
                (
                    "duplicate_of",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.privacyrequest",
                    ),
                ),
                (
                    "subject",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.subject",
                    ),
                ),
            ],
            options={
                "db_table": "privacy_requests",
                "ordering": ("due_at", "id"),
            },
        ),
        migrations.AlterField(
            model_name="suppression",
            name="reason",
            field=models.CharField(choices=[("erased", "Erased"), ("objected", "Objected")], max_length=16),
        ),
        migrations.CreateModel(
            name="PrivacyCertificate",
            fields=[
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="certificate",
                        serialize=False,
                        to="compliance.privacyrequest",
                    ),
                ),
                ("body", models.TextField()),
                ("signature", models.CharField(max_length=128)),
                ("key_id", models.CharField(max_length=16)),
                ("issued_at", models.DateTimeField()),
            ],
            options={
                "db_table": "privacy_certificates",
            },
        ),
        migrations.CreateModel(
            name="PrivacyExport",
            fields=[
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="export",
                        serialize=False,
                        to="compliance.privacyrequest",
                    ),
                ),
                ("sealed", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "db_table": "privacy_exports",
            },
        ),
        migrations.CreateModel(
            name="PrivacyTarget",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                (
                    "kind",
                    models.CharField(
                        choices=[("internal", "Internal"), ("connector", "Connector")], max_length=16
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("acknowledged", "Acknowledged"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("error_code", models.CharField(blank=True, max_length=64)),
                ("acknowledged_at", models.DateTimeField(null=True)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="targets",
                        to="compliance.privacyrequest",
                    ),
                ),
            ],
            options={
                "db_table": "privacy_targets",
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="Restriction",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("reason", models.CharField(max_length=16)),
                ("restricted_at", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(null=True)),
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
                "db_table": "privacy_restrictions",
            },
        ),
        migrations.AddIndex(
            model_name="privacyrequest",
            index=models.Index(
                condition=models.Q(("state__in", ["approved", "executing", "awaiting_connector", "error"])),
                fields=["next_attempt_at"],
                name="privacy_requests_runnable",
            ),
        ),
        migrations.AddIndex(
            model_name="privacyrequest",
            index=models.Index(fields=["-received_at", "-id"], name="privacy_requests_newest"),
        ),
        migrations.AddConstraint(
            model_name="privacyrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "approved",
                            "awaiting_connector",
                            "error",
                            "executing",
                            "identity_unverified",
                            "on_hold",
                            "verified",
                        ],
                    )
                ),
                fields=("subject", "type"),
                name="privacy_request_open_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="privacytarget",
            constraint=models.UniqueConstraint(fields=("request", "name"), name="privacy_target_once"),
        ),
        migrations.AddConstraint(
            model_name="restriction",
            constraint=models.UniqueConstraint(
                condition=models.Q(("lifted_at__isnull", True)),
                fields=("subject",),
                name="restriction_standing",
            ),
        ),
        MakeAppendOnly("PrivacyCertificate"),
        migrations.RunSQL(
            (SQL / "privacy_0301.sql").read_text(encoding="utf-8"),
            (SQL / "privacy_0301_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
