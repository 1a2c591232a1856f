"""Create the sealed tree over the audit log: leaves, tiles, checkpoints, keys, retirements, verifications."""

import uuid

import django.db.models.functions.datetime
from django.db import migrations, models

from compliance.partitions import MakeAppendOnly

SEALED = ("AuditLeaf", "AuditTile", "AuditCheckpoint", "AuditKey", "AuditRetirement")
GRANT = "GRANT SELECT ON audit_leaves, audit_tiles, audit_checkpoints, audit_keys, audit_retirements TO revctx_auditor"


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("size", models.BigIntegerField(unique=True)),
                ("root", models.BinaryField()),
                ("note", models.TextField()),
                ("key_id", models.CharField(max_length=16)),
                ("sealed_at", models.DateTimeField()),
                ("system_identifier", models.CharField(max_length=32)),
                ("txid", models.BigIntegerField()),
                ("last_id", models.UUIDField()),
            ],
            options={
                "db_table": "audit_checkpoints",
            },
        ),
        migrations.CreateModel(
            name="AuditKey",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key_id", models.CharField(max_length=16, unique=True)),
                ("public_key", models.CharField(max_length=128)),
                ("rotation", models.TextField(blank=True)),
                ("added_at", models.DateTimeField()),
            ],
            options={
                "db_table": "audit_keys",
            },
        ),
        migrations.CreateModel(
            name="AuditLeaf",
            fields=[
                ("index", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event_id", models.UUIDField(unique=True)),
                ("recorded_at", models.DateTimeField()),
                ("leaf", models.BinaryField()),
            ],
            options={
                "db_table": "audit_leaves",
            },
        ),
        migrations.CreateModel(
            name="AuditRetirement",
            fields=[
                ("month", models.DateField(primary_key=True, serialize=False)),
                ("rows", models.BigIntegerField()),
                ("event_id", models.UUIDField()),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
            ],
            options={
                "db_table": "audit_retirements",
            },
        ),
        migrations.CreateModel(
            name="AuditTile",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "height", "index", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("height", models.SmallIntegerField()),
                ("index", models.BigIntegerField()),
                ("root", models.BinaryField()),
            ],
            options={
                "db_table": "audit_tiles",
            },
        ),
        migrations.CreateModel(
            name="AuditVerification",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("sound", "Sound"),
                            ("unsound", "Unsound"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("actor", models.CharField(max_length=64)),
                ("requested_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("progress", models.JSONField(default=dict)),
                ("report", models.JSONField(null=True)),
            ],
            options={
                "db_table": "audit_verifications",
            },
        ),
        migrations.AddIndex(
            model_name="auditlog",
            index=models.Index(fields=["txid", "id"], name="audit_seal_order"),
        ),
        migrations.AddIndex(
            model_name="auditverification",
            index=models.Index(
                condition=models.Q(("state__in", ("queued", "running"))),
                fields=["requested_at"],
                name="audit_verifications_open",
            ),
        ),
        *(MakeAppendOnly(name) for name in SEALED),
        migrations.RunSQL(GRANT, migrations.RunSQL.noop),
    ]
