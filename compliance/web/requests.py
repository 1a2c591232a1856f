"""Privacy requests: the list with its clocks, one request with its targets, and the form for a new one."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from compliance.jurisdictions import JURISDICTIONS
from compliance.privacy import certificates, decisions, exporting, requests, selectors, states
from compliance.privacy.export_page import render_export
from compliance.subjects import InvalidEmail
from revctx.web.access import ScopedPage, ScopedView
from revctx.web.paging import read_page

SCOPE = "privacy:write"
WRONG_ADDRESS = "Write one address, such as name@company.example."


class PrivacyRequests(ScopedPage):
    """Requests, newest first, with what is late."""

    scope = SCOPE
    template_name = "compliance/requests.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read one page of requests."""
        query = self.request.GET
        asked = {"state": query.get("state", ""), "type": query.get("type", "")}
        known = {"state": {s.value for s in states.State}, "type": {t.value for t in states.RequestType}}
        given = {name: value for name, value in asked.items() if value in known[name]}
        found = selectors.list_requests(state=given.get("state", ""), type=given.get("type", ""))
        return super().get_context_data(
            page=read_page(
                found.order_by("-received_at", "-id"), time_field="received_at", cursor=query.get("after", "")
            ),
            filters=given,
            states=list(states.State),
            types=list(states.RequestType),
            overdue=selectors.count_overdue(now=datetime.now(UTC)),
            terminal=[state.value for state in states.TERMINAL],
            **kwargs,
        )


class NewPrivacyRequest(ScopedPage):
    """The form for a request that came by letter, phone or mail."""

    scope = SCOPE
    template_name = "compliance/request_new.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the form's choices."""
        choices = {
            "given": {},
            "errors": {},
            "types": list(states.RequestType),
            "methods": states.VERIFICATION_METHODS,
            "jurisdictions": JURISDICTIONS.values(),
        }
        return super().get_context_data(**(choices | kwargs))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Take the request in, or show what is wrong with the form."""
        names = ("type", "email", "jurisdiction", "verified_by", "name", "title")
        given = {name: request.POST.get(name, "").strip() for name in names}
        corrections = {name: given[name] for name in requests.CORRECTABLE if given[name]}
        try:
            made = requests.create_request(
                **{name: given[name] for name in names[:4]},
                corrections=corrections or None,
                actor=self.actor,
                now=datetime.now(UTC),
            )
        except InvalidEmail:
            errors = {"email": WRONG_ADDRESS}
        except requests.InvalidRequest as error:
            errors = {error.field: f"This {error.message}."}
        else:
            return redirect(f"/privacy/requests/{made.id}")
        context = self.get_context_data(given=given, errors=errors)
        return self.render_to_response(context, status=422)


class PrivacyRequestPage(ScopedPage):
    """One request: clock, targets, history, and what can be done now."""

    scope = SCOPE
    template_name = "compliance/request.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the request.

        Raises:
            Http404: no such request.
        """
        try:
            detail = selectors.get_detail(kwargs["request_id"], now=datetime.now(UTC))
        except selectors.UnknownRequest as error:
            raise Http404("no such request") from error
        return super().get_context_data(
            detail=detail,
            item=detail.request,
            terminal=detail.request.state in {state.value for state in states.TERMINAL},
            methods=states.VERIFICATION_METHODS,
            denials=states.DENIAL_REASONS,
            holds=states.HOLD_REASONS,
            extensions=states.EXTENSION_REASONS,
            **kwargs,
        )

    def post(self, request: HttpRequest, request_id: UUID) -> HttpResponse:
        """Do what the officer decided and go back to the request.

        Raises:
            Http404: no such request.
        """
        try:
            decisions.decide(
                request_id=request_id,
                move=request.POST.get("move", ""),
                code=request.POST.get("code", ""),
                actor=self.actor,
                now=datetime.now(UTC),
            )
        except selectors.UnknownRequest as error:
            raise Http404("no such request") from error
        except (states.IllegalMove, requests.InvalidRequest) as error:
            messages.error(request, f"That could not be done: {error}.", extra_tags="bad")
        return redirect(f"/privacy/requests/{request_id}")


class CertificateDownload(ScopedView):
    """The signed certificate as a file."""

    scope = SCOPE

    def get(self, request: HttpRequest, request_id: UUID) -> HttpResponse:
        """Send it.

        Raises:
            Http404: the request is not complete, or unknown.
        """
        document = certificates.find_certificate(request_id=request_id)
        if document is None:
            raise Http404("no certificate")
        response = HttpResponse(json.dumps(document, indent=1), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="certificate-{request_id}.json"'
        return response


class ExportDownload(ScopedView):
    """What is held about a person, as a file for them."""

    scope = SCOPE

    def post(self, request: HttpRequest, request_id: UUID) -> HttpResponse:
        """Send it as JSON, or as a page to read; by POST, for each opening is recorded.

        Raises:
            Http404: there is no export, or no such request.
        """
        try:
            found = selectors.get_request(request_id)
            document = exporting.open_export(request=found, actor=self.actor, now=datetime.now(UTC))
        except (selectors.UnknownRequest, exporting.ExportUnavailable) as error:
            raise Http404("no export") from error
        if request.POST.get("as") == "html":
            response = HttpResponse(render_export(document))
        else:
            response = HttpResponse(json.dumps(document, indent=1), content_type="application/json")
        suffix = "html" if request.POST.get("as") == "html" else "json"
        response["Content-Disposition"] = f'attachment; filename="export-{request_id}.{suffix}"'
        return response
