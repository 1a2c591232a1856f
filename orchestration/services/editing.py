"""A person's own words: a new revision, verified again, that somebody else has to approve."""

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from contexts import selectors as contexts_selectors
from orchestration.agents.choice import choose_config
from orchestration.agents.verifier import check_edited
from orchestration.confidence import judge_text
from orchestration.contracts import MoveResult
from orchestration.models import Action, ActionRevision
from orchestration.policy import MAX_BODY, MAX_SUBJECT, Kind, Move
from orchestration.rendering import SALT_BYTES, Letter, annotate, editable_body, rewrite
from orchestration.services.content import get_current_revision, open_letters
from orchestration.services.gates import describe_move, lock_pending
from orchestration.services.moves import apply_move
from orchestration.services.proposal import store_revision
from revctx.api.errors import Conflict, PreconditionRequired, Unprocessable


@transaction.atomic
def edit(
    *,
    action_id: UUID,
    version: int | None,
    actor_user_id: int,
    now: datetime,
    subject: str | None = None,
    body: str | None = None,
) -> MoveResult:
    """Replace the text by a person's: a new revision, verified again, to be approved by another.

    `body` is plain text, paragraphs between blank lines, without greeting, signature and footer.

    Raises:
        NotFound, PreconditionRequired, Conflict, Gone, Unprocessable (text that may not be sent).
    """
    if version is None:
        raise PreconditionRequired("version_required", "Send the version that you edited.")
    _check_length(subject or "", body or "")
    action = lock_pending(action_id, version=version, user_id=actor_user_id, now=now)
    before = get_current_revision(action)
    letter = _open(before, actor=f"user:{actor_user_id}", purpose="edit", now=now)
    edited = _rewrite(letter, action, subject=subject, body=body)
    p_draft = _judge(action, edited, now=now)
    apply_move(
        action, Move.EDIT, actor=f"user:{actor_user_id}", now=now, changes=_changes(action, edited, p_draft)
    )
    store_revision(
        action=action,
        letter=edited,
        author_id=actor_user_id,
        agent_line=before.agent_line,
        p_draft=p_draft,
        now=now,
    )
    return describe_move(action)


def _check_length(subject: str, body: str) -> None:
    for name, text, limit in (("subject", subject, MAX_SUBJECT), ("body", body, MAX_BODY)):
        if len(text) > limit:
            message = f"The {name} may have at most {limit} characters."
            raise Unprocessable("too_long", message, fields={name: message})


def _changes(action: Action, edited: Letter, p_draft: float) -> dict[str, Any]:
    return {
        "revision": action.revision + 1,
        "content_hash": edited.content_hash(),
        "p_draft": p_draft,
        "warnings": sum(not check.ok for check in edited.checks),
    }


def _open(revision: ActionRevision, *, actor: str, purpose: str, now: datetime) -> Letter:
    [letter] = open_letters(revisions=[revision], actor=actor, purpose=purpose, now=now)
    if letter is None:
        raise Conflict("erased", "The person was erased and the text with them.")
    return letter


def _rewrite(letter: Letter, action: Action, *, subject: str | None, body: str | None) -> Letter:
    edited = rewrite(
        letter,
        subject=letter.subject if subject is None else subject,
        body=editable_body(letter) if body is None else body,
        salt=secrets.token_bytes(SALT_BYTES),
    )
    pack = contexts_selectors.open_pack(action.pack).pack
    checks = check_edited(edited, pack, choose_config(Kind(action.kind)))
    blocking = [check.text for check in checks if check.blocking and not check.ok]
    if blocking:
        raise Unprocessable("text_refused", blocking[0], fields={"body": " ".join(blocking)})
    return annotate(edited, reasoning=letter.reasoning, checks=tuple(checks))


def _judge(action: Action, letter: Letter, *, now: datetime) -> float:
    spans = [span for paragraph in letter.paragraphs for span in paragraph]
    return judge_text(
        contexts_selectors.open_pack(action.pack).pack,
        cited={ref for span in spans for ref in span.refs},
        citation_recall=sum(bool(span.refs) for span in spans) / max(len(spans), 1),
        words=letter.words(),
        config=choose_config(Kind(action.kind)),
        warnings=sum(not check.ok for check in letter.checks),
        now=now,
    )
