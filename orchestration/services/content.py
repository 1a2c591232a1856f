"""Texts of actions at rest: sealed under the reader's key, opened with an audit row."""

from collections.abc import Sequence
from datetime import datetime

from compliance import subjects
from orchestration.models import Action, ActionRevision
from orchestration.rendering import Letter


def associated_data(revision: ActionRevision) -> bytes:
    """Return what ties a sealed text to its row."""
    return f"orchestration/revision/{revision.id}".encode()


def seal_letter(*, action: Action, revision: ActionRevision, letter: Letter, now: datetime) -> bytes:
    """Encrypt a text under its reader's key, or under the month's when it addresses nobody.

    Raises:
        subjects.SubjectErased: the reader was erased meanwhile.
    """
    item = (action.subject_id, letter.to_json(), associated_data(revision))
    return subjects.seal(items=[item], now=now)[0]


def open_letters(
    *, revisions: Sequence[ActionRevision], actor: str, purpose: str, now: datetime
) -> list[Letter | None]:
    """Decrypt texts in order, in one audited call; None where the person was erased."""
    sealed = [revision for revision in revisions if revision.sealed is not None]
    items = [
        (revision.action.subject_id, bytes(revision.sealed or b""), associated_data(revision))
        for revision in sealed
    ]
    opened = subjects.open_sealed(items=items, actor=actor, purpose=purpose, now=now)
    letters = {
        revision.id: Letter.from_json(raw) if raw is not None else None
        for revision, raw in zip(sealed, opened, strict=True)
    }
    return [letters.get(revision.id) for revision in revisions]


def get_current_revision(action: Action) -> ActionRevision:
    """Return the text that an approval would be bound to."""
    return ActionRevision.objects.select_related("action").get(action=action, number=action.revision)
