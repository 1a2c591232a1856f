"""Retractions, rollouts, and how long bands are held."""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

from compliance.partitions import MakeAppendOnly

# Accounts that had crossed before the time was kept beside their score.
CROSSED_AT = """
UPDATE account_contexts c SET crossed_at = x.crossed_at
FROM (SELECT DISTINCT ON (account_id) account_id, crossed_at FROM contexts_crossing
      ORDER BY account_id, version DESC) x
WHERE x.account_id = c.account_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contexts", "0501_identity"),
    ]

    operations = [
        migrations.CreateModel(
            name="Retraction",
            fields=[
                ("signal_id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("mistaken", "Never happened"),
                            ("test_data", "Test data"),
                            ("wrong_account", "Belongs to another account"),
                            ("duplicate", "Counted under another id, too"),
                        ],
                        max_length=16,
                    ),
                ),
                ("actor", models.CharField(max_length=64)),
                ("retracted_at", models.DateTimeField()),
            ],
        ),
        migrations.AlterModelManagers(
            name="ledgerentry",
            managers=[
                ("every", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name="accountcontext",
            name="crossed_at",
            field=models.DateTimeField(blank=True, help_text="Hot band last entered or left.", null=True),
        ),
        migrations.AddField(
            model_name="weightconfig",
            name="cool_down_seconds",
            field=models.FloatField(
                default=14400, help_text="How long an account that was hot does not become so again."
            ),
        ),
        migrations.AddField(
            model_name="weightconfig",
            name="dwell_seconds",
            field=models.FloatField(default=900, help_text="How long an account stays hot at least."),
        ),
        migrations.CreateModel(
            name="ConfigRollout",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("actor", models.CharField(max_length=64)),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("replay", "Replaying signals"),
                            ("trial", "Scoring on trial"),
                            ("scores", "Writing scores"),
                            ("done", "In use"),
                            ("superseded", "Superseded"),
                        ],
                        default="replay",
                        max_length=12,
                    ),
                ),
                (
                    "replayed",
                    models.PositiveBigIntegerField(default=0, help_text="Signals under the new half-lives."),
                ),
                (
                    "to_replay",
                    models.PositiveBigIntegerField(default=0, help_text="Signals, as counted at the start."),
                ),
                ("tried", models.PositiveBigIntegerField(default=0, help_text="Accounts scored on trial.")),
                (
                    "accounts",
                    models.PositiveBigIntegerField(default=0, help_text="Accounts, as counted at the start."),
                ),
                (
                    "would_rise",
                    models.PositiveBigIntegerField(default=0, help_text="Of those tried: become hot."),
                ),
                (
                    "would_fall",
                    models.PositiveBigIntegerField(default=0, help_text="Of those tried: cool down."),
                ),
                (
                    "scored",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Accounts whose new score is written."
                    ),
                ),
                ("after_entry", models.BigIntegerField(default=0, editable=False)),
                ("after_account", models.UUIDField(editable=False, null=True)),
                ("started_at", models.DateTimeField()),
                ("activated_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "decay",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="contexts.decayconfig",
                    ),
                ),
                (
                    "weight",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="contexts.weightconfig",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.ExpressionWrapper(
                            models.Q(("finished_at__isnull", True)), output_field=models.BooleanField()
                        ),
                        condition=models.Q(("finished_at__isnull", True)),
                        name="one_unfinished_rollout",
                    )
                ],
            },
        ),
        MakeAppendOnly("Retraction"),
        migrations.RunSQL(CROSSED_AT, migrations.RunSQL.noop),
    ]
