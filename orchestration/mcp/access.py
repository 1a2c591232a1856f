"""Who calls a tool, what they may, and the audit row that every call leaves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from compliance import audit
from compliance.audit import AuditEntry, PayloadValue
from contexts.contracts import AccountNotFound
from revctx.api.errors import ApiError, Forbidden, NotFound, Unauthorized
from revctx.api.models import ApiToken
from revctx.api.tokens import find_token
from revctx.observability.context import bind_request_id

# All that a token for this door may hold. An assistant's token lies on somebody's disk and its holder reads
# text of strangers, so one that could decide, write or open anything is not taken at all.
READING = frozenset({"accounts:read", "signals:read", "actions:read"})
GRANTABLE = READING | {"actions:propose"}


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A live token and the person whose it is."""

    user_id: int
    token_id: int
    scopes: frozenset[str]
    expires_at: datetime | None

    @property
    def actor(self) -> str:
        """Return the person as audit rows name them."""
        return f"user:{self.user_id}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a tool answers, and what its audit row names; `name` "" when the tool's service wrote the row."""

    body: dict[str, Any]
    name: str = ""
    target_type: str = ""
    target_id: str = ""
    account_id: UUID | None = None
    payload: Mapping[str, PayloadValue] = field(default_factory=dict)


Run = Callable[[Caller, datetime], Answer]


def find_caller(*, secret: str, now: datetime) -> Caller:
    """Return whose token this is.

    Raises:
        Unauthorized: it is unknown, expired or revoked.
        Forbidden: it may do more than this door offers.
    """
    token = find_token(secret=secret, now=now)
    if token is None:
        raise Unauthorized("unauthorized", "The token is unknown, expired or revoked.")
    return _check(token)


def _check(token: ApiToken) -> Caller:
    if excess := sorted(set(token.scopes) - GRANTABLE):
        raise Forbidden(
            "token_too_strong",
            f"This token may do more than assistants are given: {', '.join(excess)}. "
            "Make one with `manage.py mcp_token`.",
        )
    return Caller(
        user_id=token.user_id,
        token_id=token.pk,
        scopes=frozenset(token.scopes),
        expires_at=token.expires_at,
    )


def call_tool(*, tool: str, scopes: frozenset[str], secret: str, run: Run, now: datetime) -> dict[str, Any]:
    """Run a tool for the holder of a token; the answer and its one audit row commit together.

    The token is read anew for each call, so one that is revoked opens nothing from then on.

    Raises:
        Unauthorized: the token is no longer live; nobody can be named, so no row is written.
        ApiError: the call is refused; a row says so.
    """
    caller = find_caller(secret=secret, now=now)
    with bind_request_id(f"mcp-{uuid4()}"):
        try:
            return _run(tool, scopes, caller, run, now)
        except AccountNotFound as error:
            _record_refusal(tool, caller, "not_found", now)
            raise NotFound("not_found", "There is no account with this id or alias.") from error
        except ApiError as error:
            _record_refusal(tool, caller, error.code, now)
            raise


@transaction.atomic
def _run(tool: str, scopes: frozenset[str], caller: Caller, run: Run, now: datetime) -> dict[str, Any]:
    if missing := sorted(scopes - caller.scopes):
        raise Forbidden("missing_scope", f"This needs the scope {' and '.join(missing)}.")
    answer = run(caller, now)
    if answer.name:
        entry = AuditEntry(
            name=answer.name,
            actor=caller.actor,
            target_type=answer.target_type,
            target_id=answer.target_id,
            account_id=answer.account_id,
            at=now,
            payload={**answer.payload, **describe_call(tool, caller)},
        )
        audit.record([entry])
    return answer.body


def describe_call(tool: str, caller: Caller) -> dict[str, PayloadValue]:
    """Return what an audit row says about the door: which tool, and whose token."""
    return {"tool": tool, "token_id": caller.token_id}


@transaction.atomic
def _record_refusal(tool: str, caller: Caller, code: str, now: datetime) -> None:
    audit.record(
        [
            AuditEntry(
                name="tool_call.refused",
                actor=caller.actor,
                target_type="tool",
                target_id=tool,
                at=now,
                payload={**describe_call(tool, caller), "code": code},
            )
        ]
    )
