"""Sort the open work items by when they are due.

In the order of ids PostgreSQL had the choice between the open ones' index and the primary key, and once it had
counted that nearly all are done, it walked through 30,000 of them for each claim: 50 to 90 ms instead of one.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Another index of the open ones."""

    dependencies = [("eventbus", "0601_plain_data")]

    operations = [
        migrations.AddIndex(
            model_name="workitem",
            index=models.Index(
                condition=models.Q(("state", "open")), fields=["group", "due_at", "id"], name="work_items_due"
            ),
        ),
        migrations.RemoveIndex(model_name="workitem", name="work_items_open"),
    ]
