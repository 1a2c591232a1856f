"""What questions about an account have in common: which one, and as of when."""

from datetime import datetime
from uuid import UUID

from rest_framework.request import Request

from contexts import selectors
from revctx.api.errors import NotFound
from revctx.api.times import parse_instant


def find_account(ref: str, known_at: datetime | None = None) -> UUID:
    """Return the account of an id or alias, as it was known at `known_at` (None: now). Raises: NotFound."""
    try:
        return selectors.get_account_id(ref, known_at=known_at)
    except selectors.AccountNotFound as error:
        raise NotFound("not_found", "There is no account with this id or alias.") from error


def read_instant(request: Request, name: str) -> datetime | None:
    """Return the instant that a parameter names, None without it. Raises: Unprocessable."""
    text = request.query_params.get(name)
    return parse_instant(text) if text is not None else None
