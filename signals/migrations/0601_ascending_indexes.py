"""Have the indexes by time of occurrence rise as the signals come.

In a descending index each new row goes to the far end, where a full page is split in the middle; PostgreSQL
reads an ascending one backwards as well. The id stays in them: a source that knows only days may give a
million signals one time, and a page of the list must not read them all.
"""

from django.db import migrations, models

_FIELDS = {
    "signals_occurred": ["occurred_at", "id"],
    "signals_type_occurred": ["type", "occurred_at", "id"],
    "signals_source_occurred": ["source", "occurred_at", "id"],
}


class Migration(migrations.Migration):
    """Three indexes of the partitioned table, made anew."""

    dependencies = [("signals", "0521_references")]

    operations = [
        operation
        for name, fields in _FIELDS.items()
        for operation in (
            migrations.RemoveIndex("Signal", name),
            migrations.AddIndex("Signal", models.Index(fields=fields, name=name)),
        )
    ]
