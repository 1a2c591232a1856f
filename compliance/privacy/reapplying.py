"""After a restored backup: find out that there was one, and carry out again what the journal knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from compliance import audit, subjects, suppressions
from compliance.models import Subject, Suppression
from compliance.privacy import journal, vault
from compliance.privacy.effects import list_lasting_steps
from compliance.privacy.journal import JournalEntry
from compliance.privacy.models import ClusterMark, PrivacyRequest
from compliance.privacy.moves import ACTOR
from compliance.privacy.states import RequestType

# A restored dump lies in another cluster; a restore to a point in time, like a failover, starts a timeline.
_CLUSTER = """
SELECT (SELECT system_identifier FROM pg_control_system())::text || '/' ||
       (SELECT timeline_id FROM pg_control_checkpoint())::text
"""


def get_cluster() -> str:
    """Return what names the database cluster and its present timeline."""
    with connection.cursor() as cursor:
        cursor.execute(_CLUSTER)
        return str(cursor.fetchone()[0])


def is_applied() -> bool:
    """Return whether the journal was applied on the present cluster."""
    mark = ClusterMark.objects.filter(id=1).first()
    return mark is not None and mark.cluster == get_cluster()


def check_readiness() -> str | None:
    """Return why erased persons may be back, or None; a health check."""
    if settings.PROFILE == "production" and not journal.is_configured():
        return "ERASURE_JOURNAL_DIR is not set, so no erasure can be carried out"
    if is_applied():
        return None
    return "the database was restored or failed over: run manage.py reapply_erasures"


def reapply(*, now: datetime) -> int:
    """Carry out every journalled request that this database does not know of; return how many.

    Idempotent. The database counts as ready only when all of them went through.

    Raises:
        JournalUnavailable: no folder, or fewer entries in it than the database itself remembers.
        SignatureBroken: an entry was altered.
    """
    entries = list(journal.read_all())
    _check_complete(entries)
    applied = sum(_apply(one, now=now) for entry in entries for one in _list_persons(entry))
    mark = {"cluster": get_cluster(), "applied_at": now}
    ClusterMark.objects.update_or_create(id=1, defaults=mark)
    return applied


def _check_complete(entries: list[JournalEntry]) -> None:
    """Refuse an empty or foreign folder: it would make the database look clean."""
    known = {entry.request_id for entry in entries}
    done = PrivacyRequest.objects.filter(
        type=RequestType.ERASURE.value, closed_at__isnull=False, targets__isnull=False
    )
    missing = set(done.values_list("id", flat=True)) - known
    if missing:
        raise journal.JournalUnavailable(f"the journal lacks {len(missing)} erasures that the database knows")


def _list_persons(entry: JournalEntry) -> list[JournalEntry]:
    """Return an entry for each who is the person, as one record may be restored without the other."""
    linked = [replace(entry, subject_id=pk, suppression=digest, linked=()) for pk, digest in entry.linked]
    return [entry, *linked]


@transaction.atomic
def _apply(entry: JournalEntry, *, now: datetime) -> bool:
    kind = RequestType(entry.type)
    if not _is_news(entry, kind):
        return False
    if not Subject.objects.filter(id=entry.subject_id).exists():
        return _suppress(entry, kind, now=now)
    if entry.shred_at is not None and entry.shred_at > now:
        vault.escrow(subject_id=entry.subject_id, shred_at=entry.shred_at)
    for step in list_lasting_steps(kind, entry.subject_id):
        step.run(now)
    _record(entry, now=now)
    return True


def _suppress(entry: JournalEntry, kind: RequestType, *, now: datetime) -> bool:
    """Keep out somebody whom this database, older than their first signal, has never known."""
    reason = Suppression.Reason.ERASED if kind is RequestType.ERASURE else Suppression.Reason.OBJECTED
    digest, key_id = bytes.fromhex(entry.suppression), entry.suppression_key_id
    if not digest or not suppressions.suppress_hash(digest=digest, key_id=key_id, reason=reason, now=now):
        return False
    _record(entry, now=now)
    return True


def _record(entry: JournalEntry, *, now: datetime) -> None:
    audit.record(
        [
            audit.AuditEntry(
                name="privacy_request.reapplied",
                actor=ACTOR,
                target_type="privacy_request",
                target_id=str(entry.request_id),
                at=now,
                payload={"type": entry.type, "subject_id": str(entry.subject_id)},
            )
        ]
    )


def _is_news(entry: JournalEntry, kind: RequestType) -> bool:
    """Erasure holds for ever; the rest is repeated only if this database never heard of the request.

    A person who objected may have consented again since.
    """
    if kind is RequestType.ERASURE:
        return not subjects.list_erased([entry.subject_id])
    return not PrivacyRequest.objects.filter(id=entry.request_id).exists()
