"""Open the sealed part of signals; compliance records who looked and why."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from compliance import subjects
from signals.contracts import OpenedSignal
from signals.models import Signal
from signals.selectors import list_rows


def open_signals(
    *, signal_ids: Sequence[UUID], actor: str, purpose: str, now: datetime
) -> dict[UUID, OpenedSignal]:
    """Return the sealed parts of signals; those of erased persons and unknown ids are left out.

    `purpose` is a short word for the audit row, such as `contact_naming`.
    """
    rows = list(list_rows(signal_ids=signal_ids))
    texts = subjects.open_sealed(
        items=[(row.subject_id, bytes(row.sealed), row.id.bytes) for row in rows],
        actor=actor,
        purpose=purpose,
        now=now,
    )
    return {row.id: _opened(row, text) for row, text in zip(rows, texts, strict=True) if text is not None}


def _opened(row: Signal, text: bytes) -> OpenedSignal:
    content = json.loads(text)
    return OpenedSignal(
        id=row.id,
        subject_id=row.subject_id,
        external_id=content["external_id"],
        name=content.get("name", ""),
        title=content.get("title", ""),
        content=content.get("content", {}),
    )
