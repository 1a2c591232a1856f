"""Let the database judge a consent's expiry when it looks, not when the statement that waited for a lock began."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("compliance", "0203_consent_policies")]

    operations = [
        migrations.RunSQL(
            (SQL / "consent_0204.sql").read_text(encoding="utf-8"),
            (SQL / "consent_0204_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
