"""Let the graph find what tells it something, and merges from either side."""

from django.db import migrations, models
from django.db.models import Q

LASTING = (
    "opportunity_created",
    "opportunity_stage_changed",
    "opportunity_won",
    "opportunity_lost",
    "technology_adopted",
    "trial_started",
    "job_posting",
    "email_bounced",
    "unsubscribed",
)


class Migration(migrations.Migration):
    """Two indexes."""

    dependencies = [("contexts", "0511_scoring")]
    operations = [
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                fields=["account", "occurred_at"], condition=Q(type__in=LASTING), name="ledger_lasting"
            ),
        ),
        migrations.AddIndex(
            model_name="identitymerge",
            index=models.Index(fields=["merged_id"], name="merge_merged"),
        ),
    ]
