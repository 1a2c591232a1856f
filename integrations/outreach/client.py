"""Outreach over its JSON:API: prospects, mailings and tasks, each created once for its key."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog
from django.conf import settings

from integrations.calling import Caller, CallFailed, CallRefused, CallUncertain, Request
from integrations.exchange import Answer
from integrations.http import create_client
from integrations.llm.breaker import Breaker
from integrations.outreach.oauth import get_tokens

MEDIA_TYPE = "application/vnd.api+json"
PROVIDER = "outreach"
TIMEOUT_SECONDS = 10.0  # from one byte to the next
TOTAL_SECONDS = 20.0  # for all requests of one call
TAKEN = ("status_409", "status_422")  # that address or reference is there already
BREAKER = Breaker(name=PROVIDER)

log = structlog.get_logger(__name__)


def is_available() -> bool:
    """Tell whether a call would be tried at all, or spared because the provider is down."""
    return not BREAKER.is_open()


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
            headers={"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE},
            timeout_seconds=TIMEOUT_SECONDS,
        )
        self._caller = Caller(self._http, tokens=get_tokens(), breaker=BREAKER)

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
            CallRefused: nothing was sent.
            CallUncertain: ask `find_mailing` with the key.
        """
        deadline = _deadline()
        prospect_id = self._ensure_prospect(recipient, deadline)
        attributes = {
            "subject": letter.subject,
            "bodyText": letter.body,
            "headers": dict(letter.headers),
            "clientReference": key,
        }
        relations = {"prospect": _relation("prospect", prospect_id)}
        content = {"attributes": attributes, "relationships": relations}
        return self._create("mailing", key, content, deadline)

    def add_to_sequence(self, *, key: str, recipient: Recipient, sequence_id: str, mailbox_id: str) -> str:
        """Put somebody into a sequence once; return the id of the sequence state.

        Who is in the sequence already, is not put into it again.

        Raises:
            CallRefused: they were not put in.
            CallUncertain: ask `find_sequence_state`.
        """
        deadline = _deadline()
        prospect_id = self._ensure_prospect(recipient, deadline)
        known = self._find_state(prospect_id, sequence_id, deadline)
        if known is not None:
            return known
        relations = {
            "prospect": _relation("prospect", prospect_id),
            "sequence": _relation("sequence", sequence_id),
            "mailbox": _relation("mailbox", mailbox_id),
        }
        return self._create("sequenceState", key, {"relationships": relations}, deadline)

    def create_task(self, *, key: str, subject: str, note: str, account_reference: str) -> str:
        """Create one task for a colleague once for `key`; return its id.

        Raises:
            CallRefused: nothing was created.
            CallUncertain: ask `find_task` with the key.
        """
        attributes = {
            "action": "action_item",
            "subject": subject,
            "note": note,
            "accountReference": account_reference,
            "clientReference": key,
        }
        return self._create("task", key, {"attributes": attributes}, _deadline())

    def find_mailing(self, *, key: str) -> str | None:
        """Return the id of the mailing made for `key`, or None when there is none.

        Raises:
            CallUncertain: the provider can't say now.
        """
        return self._find("mailings", {"filter[clientReference]": key}, _deadline())

    def find_task(self, *, key: str) -> str | None:
        """Return the id of the task made for `key`, or None when there is none.

        Raises:
            CallUncertain: the provider can't say now.
        """
        return self._find("tasks", {"filter[clientReference]": key}, _deadline())

    def find_sequence_state(self, *, reference: str, sequence_id: str) -> str | None:
        """Return the id of somebody's state in a sequence, or None when they are not in it.

        Raises:
            CallUncertain: the provider can't say now.
        """
        deadline = _deadline()
        prospect_id = self._find_prospect(reference, deadline)
        return None if prospect_id is None else self._find_state(prospect_id, sequence_id, deadline)

    def forget_prospect(self, *, reference: str) -> bool:
        """Delete whoever we told the provider of under a reference; return whether nobody is left there.

        May be called again; who was never there, is forgotten.
        """
        deadline = _deadline()
        try:
            while (prospect_id := self._find_prospect(reference, deadline)) is not None:
                self._caller.send(
                    Request(method="DELETE", path=f"prospects/{prospect_id}", is_repeatable=True),
                    deadline=deadline,
                )
        except CallFailed as error:
            log.warning("outreach.not_forgotten", reason=error.code)
            return False
        return True

    def _ensure_prospect(self, recipient: Recipient, deadline: float) -> str:
        """Create the prospect once; an uncertain answer is certain to have sent no letter yet."""
        first, _, last = recipient.name.partition(" ")
        attributes = {
            "emails": [recipient.address],
            "firstName": first,
            "lastName": last,
            "externalId": recipient.reference,
        }
        key = f"prospect-{recipient.reference}"
        try:
            try:
                return self._create("prospect", key, {"attributes": attributes}, deadline)
            except CallRefused as error:
                known = self._find_prospect(recipient.reference, deadline) if error.code in TAKEN else None
                if known is None:
                    raise
                return known
        except CallUncertain as error:
            raise CallRefused(f"prospect_{error.code}") from error

    def _find_prospect(self, reference: str, deadline: float) -> str | None:
        return self._find("prospects", {"filter[externalId]": reference}, deadline)

    def _find_state(self, prospect_id: str, sequence_id: str, deadline: float) -> str | None:
        wanted = {"filter[prospect][id]": prospect_id, "filter[sequence][id]": sequence_id}
        return self._find("sequenceStates", wanted, deadline)

    def _create(self, kind: str, key: str, content: Mapping[str, Any], deadline: float) -> str:
        """Create something once. Not repeated in doubt: the vendor does not promise to know the key."""
        request = Request(
            method="POST",
            path=f"{kind}s",
            is_repeatable=False,
            document={"data": {"type": kind, "attributes": {}, "relationships": {}, **content}},
            headers={"Idempotency-Key": key},
        )
        return _read_id(self._caller.send(request, deadline=deadline))

    def _find(self, path: str, wanted: Mapping[str, str], deadline: float) -> str | None:
        request = Request(method="GET", path=path, is_repeatable=True, parameters=wanted)
        try:
            found = self._caller.send(request, deadline=deadline).json()["data"]
            return str(found[0]["id"]) if found else None
        except CallRefused as error:
            raise CallUncertain(error.code) from error
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise CallUncertain("unreadable") from error


def _deadline() -> float:
    return time.monotonic() + TOTAL_SECONDS


def _relation(kind: str, resource_id: str) -> dict[str, Any]:
    return {"data": {"type": kind, "id": resource_id}}


def _read_id(answer: Answer) -> str:
    try:
        return str(answer.json()["data"]["id"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CallUncertain("unreadable") from error
