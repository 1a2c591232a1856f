"""Ask a vendor's token endpoint, once; what it answers is the connector's business."""

from collections.abc import Mapping
from typing import Any

import httpx2

from integrations.calling import CallRefused
from integrations.exchange import exchange
from integrations.http import TooLarge, TooSlow, create_client

TIMEOUT_SECONDS = 5.0


def ask_for_token(url: str, form: Mapping[str, str], *, deadline: float) -> dict[str, Any]:
    """Return the document of a token endpoint.

    Raises:
        CallRefused: no token; what the token was wanted for has not been called. The code is
            `token_invalid_grant` when the grant itself is used up or withdrawn.
    """
    try:
        with create_client(timeout_seconds=TIMEOUT_SECONDS) as http:
            request = http.build_request("POST", url, data=dict(form), headers={"Accept": "application/json"})
            answer = exchange(http, request, deadline=deadline)
    except (httpx2.HTTPError, TooSlow, TooLarge) as error:
        raise CallRefused("token_unreachable") from error
    try:
        document = answer.json()
    except (ValueError, RecursionError) as error:
        raise CallRefused("token_unreadable") from error
    if not isinstance(document, dict):
        raise CallRefused("token_unreadable")
    if answer.status != 200:
        is_spent = document.get("error") == "invalid_grant"
        raise CallRefused("token_invalid_grant" if is_spent else f"token_status_{answer.status}")
    return document
