"""Add policies and recorded decisions, and what double opt-in needs of a statement."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0100_sealing"),
    ]

    operations = [
        migrations.CreateModel(
            name="ConsentDecisionRecord",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("purpose", models.CharField(max_length=32)),
                ("channel", models.CharField(max_length=32)),
                ("allowed", models.BooleanField()),
                ("reason", models.CharField(max_length=32)),
                ("revision_id", models.UUIDField(null=True)),
                ("policy_id", models.BigIntegerField(null=True)),
                ("actor", models.CharField(max_length=64)),
                ("decided_at", models.DateTimeField()),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
            ],
            options={
                "verbose_name": "consent decision",
                "db_table": "consent_decisions",
            },
        ),
        migrations.CreateModel(
            name="ConsentPolicy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("country", models.CharField(help_text="Such as EU, DE, UK, US or US-CA.", max_length=8)),
                (
                    "subscriber_type",
                    models.CharField(
                        choices=[
                            ("individual", "individual"),
                            ("corporate", "corporate"),
                            ("sole_trader", "sole_trader"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("email", "email"),
                            ("phone", "phone"),
                            ("messaging", "messaging"),
                            ("post", "post"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("opt_in", "opt_in"),
                            ("soft_opt_in", "soft_opt_in"),
                            ("opt_out", "opt_out"),
                            ("deny", "deny"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "double_opt_in",
                    models.BooleanField(
                        default=False,
                        help_text="A consent counts only after the person confirmed it by a link.",
                    ),
                ),
                (
                    "legal_source",
                    models.TextField(help_text="Statute and section, or the ruling, that this row rests on."),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "consent policies",
                "db_table": "consent_policies",
                "ordering": ("country", "channel", "subscriber_type"),
            },
        ),
        migrations.AddField(
            model_name="consentrevision",
            name="confirmed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="consentrevision",
            name="confirms",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="consentrevision",
            name="subscriber_type",
            field=models.CharField(default="individual", max_length=16),
        ),
        migrations.AddField(
            model_name="subject",
            name="suppression_hash",
            field=models.BinaryField(max_length=32, null=True, unique=True),
        ),
        migrations.AlterField(
            model_name="consentrevision",
            name="status",
            field=models.CharField(
                choices=[
                    ("granted", "Granted"),
                    ("pending_confirmation", "Pending"),
                    ("revoked", "Revoked"),
                    ("opted_out", "Opted Out"),
                ],
                max_length=24,
            ),
        ),
        migrations.AddField(
            model_name="consentdecisionrecord",
            name="subject",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="compliance.subject",
            ),
        ),
        migrations.AddConstraint(
            model_name="consentpolicy",
            constraint=models.UniqueConstraint(
                fields=("country", "subscriber_type", "channel"), name="one_policy_per_case"
            ),
        ),
        migrations.AddConstraint(
            model_name="consentpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("legal_source__regex", "^\\s*$"), _negated=True),
                name="policy_names_its_source",
            ),
        ),
        migrations.AddIndex(
            model_name="consentdecisionrecord",
            index=models.Index(fields=["subject", "purpose", "channel", "-id"], name="decision_newest"),
        ),
        migrations.AddConstraint(
            model_name="consentdecisionrecord",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("allowed", False),
                    models.Q(("reason", "allowed"), ("revision_id__isnull", False)),
                    _connector="OR",
                ),
                name="allowed_names_a_revision",
            ),
        ),
    ]
