"""Let the database see suppressions of living persons, and say why nothing may be sent."""

from pathlib import Path

from django.db import migrations, models

from compliance import keys
from compliance.normalization import normalize_email
from compliance.partitions import MakeAppendOnly

SQL = Path(__file__).resolve().parent.parent / "sql"
ADDRESS = b"subject/address"


def run_file(name):
    return migrations.RunSQL(
        (SQL / f"{name}.sql").read_text(encoding="utf-8"),
        (SQL / f"{name}_reverse.sql").read_text(encoding="utf-8"),
    )


def hash_living(apps, schema_editor):
    """Hash the addresses of persons who are there already."""
    subjects = apps.get_model("compliance", "Subject").objects.using(schema_editor.connection.alias)
    for subject in subjects.filter(erased_at=None, suppression_hash=None).iterator(chunk_size=500):
        data_key = keys.unwrap_key(bytes(subject.wrapped_key), subject.wrapping_key_id, subject.id)
        address = keys.open_bytes(data_key, subject.id, bytes(subject.sealed_address), ADDRESS).decode()
        digest = keys.hash_suppressed(normalize_email(address))
        subjects.filter(id=subject.id).update(suppression_hash=digest)


class Migration(migrations.Migration):
    dependencies = [("compliance", "0201_consent_policy")]

    operations = [
        migrations.RunPython(hash_living, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="subject",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("erased_at__isnull", True), ("suppression_hash__isnull", False)),
                    models.Q(("erased_at__isnull", False), ("suppression_hash__isnull", True)),
                    _connector="OR",
                ),
                name="subject_suppression_findable",
            ),
        ),
        MakeAppendOnly("ConsentDecisionRecord"),
        run_file("consent_guard_0202"),
    ]
