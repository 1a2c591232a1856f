"""Create schema `lab` and its tables: definitions, runs, decisions, promotions."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.RunSQL(
            "CREATE SCHEMA IF NOT EXISTS lab AUTHORIZATION revctx_owner", "DROP SCHEMA IF EXISTS lab"
        ),
        migrations.CreateModel(
            name="Experiment",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=120)),
                ("champion", models.JSONField()),
                ("challenger", models.JSONField()),
                (
                    "window_start",
                    models.DateTimeField(help_text="Crossings before it do not count.", null=True),
                ),
                ("window_end", models.DateTimeField()),
                ("known_at", models.DateTimeField(help_text="Signals received later are not seen.")),
                (
                    "backfill_after_hours",
                    models.PositiveIntegerField(
                        help_text="A signal received later than this after it occurred counts as history loaded later."
                    ),
                ),
                ("review_capacity", models.PositiveIntegerField(help_text="k of precision@k, in accounts.")),
                ("seed", models.BigIntegerField()),
                ("created_by", models.BigIntegerField()),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": '"lab"."experiment"',
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["-created_at", "-id"], name="lab_experiment_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("window_end__lte", models.F("known_at"))), name="lab_window_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("review_capacity__gte", 1)), name="lab_capacity_positive"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Run",
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
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("requested_by", models.BigIntegerField()),
                ("created_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("heartbeat_at", models.DateTimeField(null=True)),
                ("worker", models.CharField(default="", max_length=64)),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("processed", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveIntegerField(null=True)),
                ("manifest", models.JSONField(null=True)),
                ("metrics", models.JSONField(null=True)),
                ("metrics_sha256", models.CharField(default="", max_length=64)),
                (
                    "failure",
                    models.CharField(default="", help_text="Code of the reason, when failed.", max_length=64),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="laboratory.experiment",
                    ),
                ),
            ],
            options={
                "db_table": '"lab"."run"',
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Promotion",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("rolled_back", "Rolled Back"),
                            ("void", "Void"),
                        ],
                        default="requested",
                        max_length=12,
                    ),
                ),
                ("verdict", models.CharField(max_length=24)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("manifest_digest", models.CharField(max_length=64)),
                ("decay_before", models.PositiveIntegerField()),
                ("weight_before", models.PositiveIntegerField()),
                ("decay_after", models.PositiveIntegerField()),
                ("weight_after", models.PositiveIntegerField()),
                ("proposer", models.BigIntegerField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("approver", models.BigIntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "applied_at",
                    models.DateTimeField(help_text="When production had changed over.", null=True),
                ),
                ("void_reason", models.CharField(blank=True, default="", max_length=40)),
                ("rolled_back_by", models.BigIntegerField(null=True)),
                ("rolled_back_at", models.DateTimeField(null=True)),
                (
                    "restored_at",
                    models.DateTimeField(help_text="When production had changed back.", null=True),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promotions",
                        to="laboratory.experiment",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promotions",
                        to="laboratory.run",
                    ),
                ),
            ],
            options={
                "db_table": '"lab"."promotion"',
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="CrossingDecision",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "arm",
                    models.CharField(
                        choices=[("champion", "Champion"), ("challenger", "Challenger")], max_length=10
                    ),
                ),
                ("account_id", models.UUIDField()),
                ("signal_id", models.UUIDField()),
                ("at", models.DateTimeField()),
                ("intent", models.FloatField()),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="laboratory.run",
                    ),
                ),
            ],
            options={
                "db_table": '"lab"."crossing_decision"',
                "ordering": ["at", "id"],
            },
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["experiment", "-created_at"], name="lab_run_by_experiment"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=["created_at"],
                name="lab_run_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=("experiment",),
                name="lab_one_open_run",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "done"), _negated=True),
                    models.Q(("manifest__isnull", False), ("metrics__isnull", False)),
                    _connector="OR",
                ),
                name="lab_run_done_has_result",
            ),
        ),
        migrations.AddIndex(
            model_name="promotion",
            index=models.Index(fields=["experiment", "-created_at"], name="lab_promotion_by_experiment"),
        ),
        migrations.AddConstraint(
            model_name="promotion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "requested")),
                fields=("experiment",),
                name="lab_one_open_promotion",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["approved", "rolled_back"]), _negated=True),
                    models.Q(
                        ("approver__isnull", False),
                        models.Q(("approver", models.F("proposer")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="lab_promotion_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="crossingdecision",
            constraint=models.UniqueConstraint(
                fields=("run", "arm", "account_id", "signal_id"), name="lab_one_decision_a_signal"
            ),
        ),
        migrations.AddConstraint(
            model_name="crossingdecision",
            constraint=models.CheckConstraint(
                condition=models.Q(("intent__gte", 0), ("intent__lte", 100)), name="lab_intent_in_range"
            ),
        ),
    ]
