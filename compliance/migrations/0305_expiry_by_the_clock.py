"""Let the database judge a consent's expiry when it looks, not when the statement that waited for a lock began."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("compliance", "0304_audit_retention")]

    operations = [
        migrations.RunSQL(
            (SQL / "consent_0305.sql").read_text(encoding="utf-8"),
            (SQL / "consent_0305_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
