"""Consent of one person: looked up by a form post, so that no address stands in a URL."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from compliance import consent, selectors, subjects
from compliance.consent_rules import CHANNELS, PURPOSES
from compliance.jurisdictions import JURISDICTIONS
from revctx.web.access import ScopedPage, ScopedView
from revctx.web.people import name_actors

SOURCE = "privacy page"
HISTORY_LENGTH = 50


class _ConsentPage(ScopedPage):
    """The lookup form beside the form that records a consent."""

    scope = "consent:read"
    template_name = "compliance/privacy.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the choices of both forms."""
        choices = {
            "email": "",
            "given": {},
            "jurisdictions": JURISDICTIONS.values(),
            "purposes": PURPOSES,
            "channels": CHANNELS,
        }
        return super().get_context_data(**(choices | kwargs))

    def show(self, *, status: int = 200, **context: Any) -> HttpResponse:
        """Render the page with what was posted and what came of it."""
        return self.render_to_response(self.get_context_data(**context), status=status)


class ConsentLookup(_ConsentPage):
    """Find a person by address."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Go to the person's page, or say why there is none."""
        email = request.POST.get("email", "").strip()
        try:
            subject_id = subjects.find_subject(email=email)
            if subject_id is not None:
                return redirect(f"/privacy/{subject_id}")
            decision = consent.decide_for_address(email=email, now=datetime.now(UTC))
        except consent.InvalidEmail:
            return self.show(
                status=422, email=email, email_error="Write one address, such as name@company.example."
            )
        return self.show(email=email, decision=decision)


class RecordConsent(_ConsentPage):
    """Record that a person consents."""

    scope = "consent:write"
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Store the statement and go to the person's page, or show what is wrong with the form."""
        names = ("email", "purpose", "channel", "jurisdiction", "notice_version", "source")
        given: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in names}
        try:
            statement = consent.grant(**given, actor=self.actor, now=datetime.now(UTC))
        except consent.InvalidEmail:
            errors = {"email": "Write one address, such as name@company.example."}
        except consent.InvalidConsent as error:
            errors = {error.field: f"This {error.message}."}
        else:
            messages.success(request, "Consent recorded. It takes effect at once.", extra_tags="good")
            return redirect(f"/privacy/{statement.subject_id}")
        return self.show(status=422, given=given, errors=errors)


class SubjectConsent(ScopedPage):
    """What one person consented to, what follows from it now, and its history."""

    scope = "consent:read"
    template_name = "compliance/subject.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read standing statements, the decision for outreach by e-mail, and the history.

        Raises:
            Http404: no such person.
        """
        subject_id: UUID = kwargs["subject_id"]
        standing = consent.list_standing(subject_id=subject_id)
        history = list(selectors.list_audit_events(target_id=str(subject_id))[:HISTORY_LENGTH])
        if not standing and not history:
            raise Http404("no such person")
        return super().get_context_data(
            standing=standing,
            history=history,
            has_granted=any(statement.status == "granted" for statement in standing),
            names=name_actors(event.actor for event in history),
            decision=consent.decide(subject_id=subject_id, now=datetime.now(UTC)),
            erased=bool(subjects.list_erased([subject_id])),
            **kwargs,
        )


class RevokeConsent(ScopedView):
    """Withdraw what a person consented to: everything, or one purpose and channel."""

    scope = "consent:write"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, subject_id: UUID) -> HttpResponse:
        """Withdraw and go back to the person's page.

        Raises:
            Http404: no such person.
            BadRequest: no such purpose or channel.
        """
        try:
            revisions = consent.revoke(
                subject_id=subject_id,
                purpose=request.POST.get("purpose") or None,
                channel=request.POST.get("channel") or None,
                source=SOURCE,
                actor=self.actor,
                now=datetime.now(UTC),
            )
        except consent.UnknownSubject as error:
            raise Http404("no such person") from error
        except consent.InvalidConsent as error:
            raise BadRequest("no such purpose or channel") from error
        text = "Consent withdrawn. Whatever was pending for this person is cancelled."
        messages.success(
            request, text if revisions else "There was nothing left to withdraw.", extra_tags="good"
        )
        return redirect(f"/privacy/{subject_id}")
