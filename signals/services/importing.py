"""Store one chunk of an import together with how far it got."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from signals.contracts import IngestResult, SignalDraft
from signals.models import ImportCheckpoint
from signals.services.ingest import ingest_signals


def open_checkpoint(
    *, file_sha256: str, mapping_sha256: str, source: str, again: bool, now: datetime
) -> ImportCheckpoint:
    """Return where an import of this file through this mapping stands.

    With `again` it starts from the first line; what is stored already comes out as duplicate.
    """
    checkpoint, is_new = ImportCheckpoint.objects.get_or_create(
        file_sha256=file_sha256,
        mapping_sha256=mapping_sha256,
        defaults={"source": source, "started_at": now},
    )
    if again and not is_new:
        checkpoint.line = checkpoint.accepted = checkpoint.duplicates = checkpoint.conflicts = 0
        checkpoint.started_at, checkpoint.finished_at = now, None
        checkpoint.save()
    return checkpoint


@transaction.atomic
def import_chunk(
    *, checkpoint: ImportCheckpoint, drafts: Sequence[SignalDraft], line: int, actor: str, now: datetime
) -> list[IngestResult]:
    """Store a chunk and move the checkpoint to its last line, both or neither."""
    results = ingest_signals(drafts=drafts, actor=actor, now=now)
    statuses = Counter(result.status for result in results)
    checkpoint.line = line
    checkpoint.accepted += statuses["accepted"]
    checkpoint.duplicates += statuses["duplicate"]
    checkpoint.conflicts += statuses["conflict"]
    checkpoint.save(update_fields=["line", "accepted", "duplicates", "conflicts"])
    return results


def finish(*, checkpoint: ImportCheckpoint, now: datetime) -> None:
    """Record that the file was read to its end."""
    if checkpoint.finished_at is None:
        checkpoint.finished_at = now
        checkpoint.save(update_fields=["finished_at"])
