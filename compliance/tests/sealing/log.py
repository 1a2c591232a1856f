"""Entries to be sealed, and what a superuser does to them afterwards."""

from contextlib import contextmanager
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from compliance import audit

SEED = settings.AUDIT_SIGNING_KEY
PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_logs'::regclass"
TABLES = ("audit_logs", "audit_leaves", "audit_tiles", "audit_checkpoints", "audit_keys", "audit_retirements")


def make_entries(count):
    now = timezone.now()
    return [
        audit.AuditEntry(
            name="consent.granted",
            actor="user:7",
            target_type="subject",
            target_id=str(uuid4()),
            at=now,
            payload={"number": number, "text": "tab\tline\nback\\slash ünï", "ratio": 0.5, "none": None},
        )
        for number in range(count)
    ]


def kinds(report):
    return {found.kind for found in report.findings}


@contextmanager
def unguarded(session):
    """Switch every append-only trigger off and on again, as only a superuser can."""
    tables = [*TABLES, *(name for (name,) in session.execute(PARTITIONS))]
    for table in tables:
        session.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    yield
    for table in tables:
        if session.execute("SELECT to_regclass(%s)", [table]).fetchone()[0]:
            session.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER revctx_append_only")


def event_at(session, index):
    return str(session.execute("SELECT event_id FROM audit_leaves WHERE index = %s", [index]).fetchone()[0])
