"""A journal of what must never come back, kept outside of the database: one signed file a request.

A restored backup knows nothing of the erasures made after it; these files do. They hold ids, codes
and keyed hashes only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from compliance.privacy import signing


class JournalUnavailable(RuntimeError):
    """No folder is configured for the journal, or it cannot be written."""


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """One request that has to hold after every restore.

    ``suppression`` is the keyed hash under which the address stays out, hexadecimal: a backup from before the
    person was known has nobody else to ask. Empty where the request suppresses nothing.
    """

    request_id: UUID
    type: str
    subject_id: UUID
    at: datetime
    shred_at: datetime | None = None
    suppression: str = ""
    suppression_key_id: str = ""
    linked: tuple[tuple[UUID, str], ...] = ()  # who is the same person, each with the own suppression


def write(entry: JournalEntry) -> None:
    """Store an entry durably, before the transaction that carries it out commits.

    Should that transaction roll back, the entry repeats what was approved anyway.

    Raises:
        JournalUnavailable: the folder is missing or refuses.
    """
    fields = {
        "request_id": str(entry.request_id),
        "type": entry.type,
        "subject_id": str(entry.subject_id),
        "at": entry.at.isoformat(),
        "shred_at": entry.shred_at.isoformat() if entry.shred_at else None,
        "suppression": entry.suppression,
        "suppression_key_id": entry.suppression_key_id,
    } | ({"linked": [[str(pk), digest] for pk, digest in entry.linked]} if entry.linked else {})
    body = signing.canonical(fields)
    document = {"body": fields, "signature": signing.sign(body), "key_id": signing.get_key_id()}
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(folder / f"{entry.request_id}.json", json.dumps(document, indent=1).encode())
    except OSError as error:
        raise JournalUnavailable(f"the journal cannot be written: {type(error).__name__}") from error


def read_all() -> Iterator[JournalEntry]:
    """Yield the journal's entries in order of time.

    Raises:
        JournalUnavailable: no folder.
        signing.SignatureBroken: an entry was altered.
    """
    entries = [_read(path) for path in sorted(_folder().glob("*.json"))]
    yield from sorted(entries, key=lambda entry: (entry.at, str(entry.request_id)))


def is_configured() -> bool:
    """Return whether a folder for the journal is configured."""
    return bool(settings.ERASURE_JOURNAL_DIR)


def _folder() -> Path:
    if not is_configured():
        raise JournalUnavailable("ERASURE_JOURNAL_DIR is not set")
    return Path(settings.ERASURE_JOURNAL_DIR)


def _read(path: Path) -> JournalEntry:
    document = json.loads(path.read_bytes())
    fields = document["body"]
    signing.verify(signing.canonical(fields), document["signature"])
    return JournalEntry(
        request_id=UUID(fields["request_id"]),
        type=fields["type"],
        subject_id=UUID(fields["subject_id"]),
        at=datetime.fromisoformat(fields["at"]),
        shred_at=datetime.fromisoformat(fields["shred_at"]) if fields["shred_at"] else None,
        suppression=fields["suppression"],
        suppression_key_id=fields["suppression_key_id"],
        linked=tuple((UUID(pk), digest) for pk, digest in fields.get("linked", ())),
    )


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.new")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
