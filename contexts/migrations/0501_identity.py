"""Let accounts and persons be merged by rows."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contexts", "0411_replay_runs"),
    ]

    operations = [
        migrations.CreateModel(
            name="IdentityMerge",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "kind",
                    models.CharField(choices=[("account", "Account"), ("contact", "Contact")], max_length=8),
                ),
                ("merged_id", models.UUIDField()),
                ("survivor_id", models.UUIDField()),
                (
                    "link_id",
                    models.UUIDField(help_text="Of contacts: the link between the persons.", null=True),
                ),
                ("source_signal_id", models.UUIDField(null=True)),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("actor", models.CharField(max_length=64)),
                ("merged_at", models.DateTimeField()),
                ("undone_by", models.CharField(blank=True, max_length=64)),
                ("undone_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="MergeCandidate",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "kind",
                    models.CharField(choices=[("account", "Account"), ("contact", "Contact")], max_length=8),
                ),
                ("merged_id", models.UUIDField()),
                ("survivor_id", models.UUIDField()),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("shared_reference", "One signal named both"),
                            ("two_crm_ids", "Two CRM ids share a reference"),
                            ("vendor", "The source merged them"),
                        ],
                        max_length=24,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("due", "Due"),
                            ("merged", "Merged"),
                            ("dismissed", "Dismissed"),
                            ("failed", "Failed"),
                        ],
                        default="open",
                        max_length=12,
                    ),
                ),
                ("error_code", models.CharField(blank=True, max_length=32)),
                ("source_signal_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                ("decided_by", models.CharField(blank=True, max_length=64)),
                ("decided_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="account",
            name="merged_into",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="contexts.account",
            ),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(
                condition=models.Q(("merged_into__isnull", False)),
                fields=["merged_into"],
                name="account_merged",
            ),
        ),
        migrations.AddIndex(
            model_name="identitymerge",
            index=models.Index(fields=["survivor_id"], name="merge_survivor"),
        ),
        migrations.AddIndex(
            model_name="identitymerge",
            index=models.Index(fields=["-merged_at", "-id"], name="merge_newest"),
        ),
        migrations.AddConstraint(
            model_name="identitymerge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undone_at", None)), fields=("kind", "merged_id"), name="merged_into_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="identitymerge",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged_id", models.F("survivor_id")), _negated=True),
                name="merge_joins_two",
            ),
        ),
        migrations.AddIndex(
            model_name="mergecandidate",
            index=models.Index(
                condition=models.Q(("state", "open")), fields=["created_at", "id"], name="candidate_open"
            ),
        ),
        migrations.AddIndex(
            model_name="mergecandidate",
            index=models.Index(
                condition=models.Q(("state", "due")), fields=["created_at", "id"], name="candidate_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="mergecandidate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["open", "due", "dismissed"])),
                fields=("kind", "merged_id", "survivor_id", "reason"),
                name="candidate_once",
            ),
        ),
    ]
