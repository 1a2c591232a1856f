"""Tasks in Salesforce: filed once for their key, for a colleague who works there.

Source: Salesforce REST API Developer Guide, "sObject Rows by External ID". A task is written under a field
of the organisation's own that is an external id (`SALESFORCE_TASK_REFERENCE_FIELD`), so that filing it twice
files it once, and doubt can be settled by reading it.
"""

import json
import re
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self
from urllib.parse import quote

from django.conf import settings

from integrations.calling import Caller, CallRefused, CallUncertain, Request
from integrations.exchange import Answer
from integrations.http import create_client
from integrations.llm.breaker import Breaker
from integrations.salesforce import oauth
from integrations.salesforce.changes.mapping import CLIENT_NAME

PROVIDER = "salesforce"
API = "/services/data/v62.0"
TIMEOUT_SECONDS = 10.0  # from one byte to the next
TOTAL_SECONDS = 20.0  # for all requests of one call
BREAKER = Breaker(name=PROVIDER)
SUBJECT_LENGTH, DESCRIPTION_LENGTH = 255, 32_000
_ACCOUNT_ID = re.compile(r"001[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")


def is_configured() -> bool:
    """Tell whether tasks go to Salesforce."""
    return bool(settings.SALESFORCE_TASK_REFERENCE_FIELD) and oauth.is_configured()


def find_account_id(names: Iterable[str]) -> str:
    """Return the first of an account's names that Salesforce knows as an account, or an empty text."""
    return next((name for name in names if _ACCOUNT_ID.fullmatch(name)), "")


class SalesforceTasks:
    """One connection to the organisation; use it as a context manager."""

    def __init__(self) -> None:
        """Open a client."""
        self._http = create_client(
            headers={"Accept": "application/json", "Sforce-Call-Options": f"client={CLIENT_NAME}"},
            timeout_seconds=TIMEOUT_SECONDS,
        )
        self._caller = Caller(self._http, tokens=oauth.get_tokens(), breaker=BREAKER)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._http.close()

    def create_task(self, *, key: str, subject: str, note: str, account_id: str) -> str:
        """File an open task once for `key`; return its id. `account_id` may be empty.

        Raises:
            CallRefused: nothing was filed.
            CallUncertain: ask `find_task` with the key.
        """
        document = {
            "Subject": subject[:SUBJECT_LENGTH],
            "Description": note[:DESCRIPTION_LENGTH],
            "Status": "Not Started",
            "Priority": "Normal",
        }
        if account_id:
            document["WhatId"] = account_id
        deadline = time.monotonic() + TOTAL_SECONDS
        request = Request(method="PATCH", path=_path(key), is_repeatable=True, document=document)
        answer = self._caller.send(request, deadline=deadline)
        return _read_id(answer) if answer.body else self._find(key, deadline) or _nowhere()

    def find_task(self, *, key: str) -> str | None:
        """Return the id of the task filed for `key`, or None when there is none.

        Raises:
            CallUncertain: Salesforce can't say now.
        """
        return self._find(key, time.monotonic() + TOTAL_SECONDS)

    def _find(self, key: str, deadline: float) -> str | None:
        request = Request(method="GET", path=_path(key), is_repeatable=True, parameters={"fields": "Id"})
        try:
            return _read_id(self._caller.send(request, deadline=deadline))
        except CallRefused as error:
            if error.code == "status_404":
                return None
            raise CallUncertain(error.code) from error


def _path(key: str) -> str:
    return f"{API}/sobjects/Task/{settings.SALESFORCE_TASK_REFERENCE_FIELD}/{quote(key, safe='')}"


def _read_id(answer: Answer) -> str:
    """Return the record's id; an upsert calls it `id`, a record `Id`."""
    try:
        document = json.loads(answer.body)
        return str(document["id"] if "id" in document else document["Id"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CallUncertain("unreadable") from error


def _nowhere() -> str:
    raise CallUncertain("not_found")
