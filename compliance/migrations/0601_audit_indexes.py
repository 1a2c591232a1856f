"""Keep the indexes of the audit log small: ascending, and without the id.

Every one of them stays, for the log is asked by name, actor, target, request and account, newest first. But
rows come in the order of time, so in a descending index each goes to the far end of its pages, where a full
page is split in the middle. And with the id behind the time no two entries are alike. Without it all rows of
one statement share a key, which the index keeps once for many rows. PostgreSQL reads the index backwards and
sorts by id what shares a time, which is at most what one statement wrote: 1,000 rows of a full batch.

Indexes of the parent table: partitions that exist get them now, later ones when they are attached. Writers of
the log wait while this runs.
"""

from django.db import migrations, models

_CONDITIONS = {
    "audit_by_request": models.Q(("request_id", ""), _negated=True),
    "audit_by_account": models.Q(("account_id__isnull", False)),
}
_FIELDS = {
    "audit_newest": ["recorded_at"],
    "audit_by_name": ["name", "recorded_at"],
    "audit_by_actor": ["actor", "recorded_at"],
    "audit_by_target": ["target_id", "recorded_at"],
    "audit_by_request": ["request_id", "recorded_at"],
    "audit_by_account": ["account_id", "recorded_at"],
}


class Migration(migrations.Migration):
    """The six indexes by which people ask, made anew."""

    dependencies = [("compliance", "0561_month_keys")]

    operations = [
        operation
        for name, fields in _FIELDS.items()
        for operation in (
            migrations.RemoveIndex("AuditLog", name),
            migrations.AddIndex(
                "AuditLog", models.Index(fields=fields, name=name, condition=_CONDITIONS.get(name))
            ),
        )
    ]
