"""An account may cross twice with the same newest signal: merges, retractions and time make it cross, too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One decision a moment instead of one a signal."""

    dependencies = [("laboratory", "0621_restricted_persons")]
    operations = [
        migrations.RemoveConstraint(model_name="crossingdecision", name="lab_one_decision_a_signal"),
        migrations.AddConstraint(
            model_name="crossingdecision",
            constraint=models.UniqueConstraint(
                fields=["run", "arm", "account_id", "at"], name="lab_one_decision_a_moment"
            ),
        ),
    ]
