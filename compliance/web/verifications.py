"""Verifications of the audit log: start one, watch it, read and keep its report."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from compliance import tasks
from compliance.api.audit_serializers import VerificationResponse
from compliance.models import AuditVerification
from compliance.sealing import requests
from revctx.web.access import ScopedPage, ScopedView
from revctx.web.people import name_actors

HISTORY_LENGTH = 25
_WORDS = {
    "queued": ("Waiting", ""),
    "running": ("Running", ""),
    "sound": ("Nothing changed", "good"),
    "unsound": ("Not as sealed", "bad"),
}
# Where the key came from that the signatures were checked with.
_TRUST = {
    "pinned": "the key that was given",
    "anchors": "the first key in the anchors",
    "settings": "this system's own signing key",
    "database": "the database itself, which proves little",
}


@dataclass(frozen=True)
class Verdict:
    """A verification as the pages print it."""

    asked: AuditVerification

    @property
    def is_open(self) -> bool:
        """Tell whether it is not finished."""
        return self.asked.report is None

    @property
    def words(self) -> str:
        """Return the result in words."""
        return "Not done" if self.error else _WORDS[self.asked.state][0]

    @property
    def tone(self) -> str:
        """Return the colour of the result."""
        return _WORDS[self.asked.state][1]

    @property
    def report(self) -> dict[str, Any]:
        """Return the report, empty while there is none."""
        return self.asked.report or {}

    @property
    def error(self) -> str:
        """Return why nothing could be verified, or an empty text."""
        return str(self.report.get("error", ""))

    @property
    def trust(self) -> str:
        """Return whose key the signatures were checked with."""
        return _TRUST.get(self.report.get("trust", ""), "no key")

    @property
    def done(self) -> int:
        """Return how many events were verified."""
        return int(self.asked.progress.get("index", self.report.get("rows", 0)))

    @property
    def total(self) -> int | None:
        """Return how many events are to be verified, None before it began."""
        size: int | None = self.asked.progress.get("size")
        return size

    @property
    def share(self) -> float:
        """Return how much is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0


def describe_latest() -> Verdict | None:
    """Return the latest verification."""
    found = requests.list_verifications(limit=1)
    return Verdict(found[0]) if found else None


class Verifications(ScopedPage):
    """The latest verifications, and the button that starts another."""

    scope = "audit:read"
    template_name = "compliance/verifications.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the latest ones."""
        found = [Verdict(asked) for asked in requests.list_verifications(limit=HISTORY_LENGTH)]
        names = name_actors(verdict.asked.actor for verdict in found)
        return super().get_context_data(verdicts=found, names=names, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Start a verification and go to its page; one that is not finished yet is joined."""
        asked = requests.find_open_verification()
        if asked is None:
            asked = requests.request_verification(actor=self.actor, now=datetime.now(UTC))
            tasks.hint_verification()
        return redirect(f"/audit/verifications/{asked.id}")


class VerificationPage(ScopedPage):
    """How far one verification is, then its report; the page asks again by itself until it is done."""

    scope = "audit:read"
    template_name = "compliance/verification.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read one."""
        asked = _get(kwargs["verification_id"])
        return super().get_context_data(verdict=Verdict(asked), names=name_actors([asked.actor]), **kwargs)


class VerificationFile(ScopedView):
    """The report as a file to keep, the same as the API gives."""

    scope = "audit:read"

    def get(self, request: HttpRequest, verification_id: UUID) -> HttpResponse:
        """Return it as JSON to be saved."""
        answer = JsonResponse(
            VerificationResponse.of(_get(verification_id)).model_dump(mode="json"),
            json_dumps_params={"indent": 2},
        )
        answer["Content-Disposition"] = f'attachment; filename="verification-{verification_id}.json"'
        return answer


def _get(verification_id: UUID) -> AuditVerification:
    asked = requests.find_verification(verification_id=verification_id)
    if asked is None:
        raise Http404("no such verification")
    return asked
