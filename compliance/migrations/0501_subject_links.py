"""Let persons be linked who are one."""

import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0305_expiry_by_the_clock"),
    ]

    operations = [
        migrations.CreateModel(
            name="SubjectLink",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("subject_id", models.UUIDField()),
                ("survivor_id", models.UUIDField()),
                ("actor", models.CharField(max_length=64)),
                ("linked_at", models.DateTimeField()),
                ("unlinked_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "subject_links",
                "indexes": [
                    models.Index(
                        condition=models.Q(("unlinked_at", None)),
                        fields=["survivor_id"],
                        name="link_survivor",
                    ),
                    models.Index(fields=["subject_id", "linked_at"], name="link_history"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("unlinked_at", None)),
                        fields=("subject_id",),
                        name="subject_linked_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("subject_id", models.F("survivor_id")), _negated=True),
                        name="link_joins_two",
                    ),
                ],
            },
        ),
    ]
