"""Outreach over its JSON:API: prospects, mailings and tasks, each created once for its key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2
import stamina
from django.conf import settings

from integrations.http import create_client

MEDIA_TYPE = "application/vnd.api+json"
PROVIDER = "outreach"
TIMEOUT_SECONDS = 10.0
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class OutreachRefused(Exception):
    """The provider answered that it will not do it; nothing was sent."""

    def __init__(self, code: str) -> None:
        """Keep a short code, never the provider's text, which may quote a person."""
        super().__init__(code)
        self.code = code


class OutreachUncertain(Exception):
    """No answer that can be relied on: it may or may not have been done."""

    def __init__(self, code: str) -> None:
        """Keep a short code."""
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Whom a letter goes to; `reference` is our opaque id for them."""

    reference: str
    address: str
    name: str


@dataclass(frozen=True, kw_only=True)
class OutgoingLetter:
    """A rendered letter."""

    subject: str
    body: str
    headers: Mapping[str, str]


class OutreachClient:
    """One connection to the provider; use it as a context manager."""

    def __init__(self) -> None:
        """Open a client with the configured address and key."""
        self._http = create_client(
            base_url=settings.OUTREACH_BASE_URL,
            headers={
                "Authorization": f"Bearer {settings.OUTREACH_API_KEY}",
                "Accept": MEDIA_TYPE,
                "Content-Type": MEDIA_TYPE,
            },
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._http.close()

    def send_letter(self, *, key: str, recipient: Recipient, letter: OutgoingLetter) -> str:
        """Send one letter once for `key`; return the provider's id of the mailing.

        Raises:
            OutreachRefused: nothing was sent.
            OutreachUncertain: ask `find_mailing` with the key.
        """
        prospect_id = self._ensure_prospect(recipient)
        attributes = {
            "subject": letter.subject,
            "bodyText": letter.body,
            "headers": dict(letter.headers),
            "clientReference": key,
        }
        prospect = {"data": {"type": "prospect", "id": prospect_id}}
        return self._create("mailings", "mailing", key, attributes, {"prospect": prospect})

    def create_task(self, *, key: str, subject: str, note: str, account_reference: str) -> str:
        """Create one task for a colleague once for `key`; return its id.

        Raises:
            OutreachRefused: nothing was created.
            OutreachUncertain: ask `find_task` with the key.
        """
        attributes = {
            "action": "action_item",
            "subject": subject,
            "note": note,
            "accountReference": account_reference,
            "clientReference": key,
        }
        return self._create("tasks", "task", key, attributes, {})

    def find_mailing(self, *, key: str) -> str | None:
        """Return the id of the mailing made for `key`, or None when there is none.

        Raises:
            OutreachUncertain: the provider can't say now.
        """
        return self._find("mailings", key)

    def find_task(self, *, key: str) -> str | None:
        """Return the id of the task made for `key`, or None when there is none.

        Raises:
            OutreachUncertain: the provider can't say now.
        """
        return self._find("tasks", key)

    def _ensure_prospect(self, recipient: Recipient) -> str:
        """Create the prospect once; an uncertain answer is certain to have sent no letter yet."""
        first, _, last = recipient.name.partition(" ")
        attributes = {
            "emails": [recipient.address],
            "firstName": first,
            "lastName": last,
            "externalId": recipient.reference,
        }
        try:
            return self._create("prospects", "prospect", f"prospect-{recipient.reference}", attributes, {})
        except OutreachUncertain as error:
            raise OutreachRefused(f"prospect_{error.code}") from error

    def _create(
        self, path: str, kind: str, key: str, attributes: dict[str, Any], relationships: dict[str, Any]
    ) -> str:
        document = {"data": {"type": kind, "attributes": attributes, "relationships": relationships}}
        answer = self._send(lambda: self._http.post(path, json=document, headers={"Idempotency-Key": key}))
        return _read_id(answer)

    def _find(self, path: str, key: str) -> str | None:
        try:
            answer = self._send(lambda: self._http.get(path, params={"filter[clientReference]": key}))
        except OutreachRefused as error:
            raise OutreachUncertain(error.code) from error
        try:
            found = answer.json()["data"]
            return str(found[0]["id"]) if found else None
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise OutreachUncertain("unreadable") from error

    def _send(self, call: Callable[[], httpx2.Response]) -> httpx2.Response:
        """Make a call; only what certainly never left is tried again."""
        try:
            for attempt in stamina.retry_context(on=NEVER_SENT, attempts=3, timeout=8, wait_initial=0.2):
                with attempt:
                    response = call()
        except NEVER_SENT as error:
            raise OutreachRefused("unreachable") from error
        except httpx2.TimeoutException as error:
            raise OutreachUncertain("timeout") from error
        except httpx2.HTTPError as error:
            raise OutreachUncertain("broken_connection") from error
        if response.status_code >= 500:
            raise OutreachUncertain(f"status_{response.status_code}")
        if not 200 <= response.status_code < 300:
            raise OutreachRefused(f"status_{response.status_code}")
        return response


def _read_id(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["data"]["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise OutreachUncertain("unreadable") from error
