"""Breaches: the list with its clocks, the form for a new one, and one with those it concerns."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from compliance.api.breaches import print_addresses
from compliance.breaches import affected, registry, rules, services
from compliance.breaches.models import Breach
from compliance.models import AuditLog
from revctx.web.access import ScopedPage, ScopedView
from revctx.web.paging import read_page

SCOPE = "privacy:write"
LOCAL_TIME = "%Y-%m-%dT%H:%M"


class Breaches(ScopedPage):
    """Breaches, newest first."""

    scope = SCOPE
    template_name = "compliance/breaches.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read one page of breaches."""
        found = services.list_breaches().order_by("-aware_at", "-id")
        page = read_page(found, time_field="aware_at", cursor=self.request.GET.get("after", ""))
        return super().get_context_data(page=page, **kwargs)


class NewBreach(ScopedPage):
    """The form for a breach that became known."""

    scope = SCOPE
    template_name = "compliance/breach_new.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the form's choices."""
        today = datetime.now(UTC).strftime(LOCAL_TIME)
        choices = {
            "given": {"aware_at": today, "recorded_until": today, "places": []},
            "errors": {},
            "natures": rules.NATURES,
            "risks": rules.RISKS,
            "all_places": registry.list_searchable(),
        }
        return super().get_context_data(**(choices | kwargs))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Write it down, or show what is wrong with the form."""
        names = ("summary", "nature", "risk", "recorded_from", "recorded_until", "aware_at")
        given: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in names}
        given["places"] = request.POST.getlist("places")
        try:
            breach = services.record_breach(
                summary=given["summary"],
                nature=given["nature"],
                risk=given["risk"],
                places=given["places"],
                recorded_from=_read_time("recorded_from", given) if given["recorded_from"] else None,
                recorded_until=_read_time("recorded_until", given),
                aware_at=_read_time("aware_at", given),
                actor=self.actor,
                now=datetime.now(UTC),
            )
        except rules.DecisionRefused as error:
            errors = {error.field: f"This {error.message}."}
            return self.render_to_response(self.get_context_data(given=given, errors=errors), status=422)
        return redirect(f"/privacy/breaches/{breach.id}")


class BreachPage(ScopedPage):
    """One breach: clock, those it concerns, history, and what can be recorded now."""

    scope = SCOPE
    template_name = "compliance/breach.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the breach and count whom it concerns."""
        breach = _get(kwargs["breach_id"])
        now = datetime.now(UTC)
        return super().get_context_data(
            item=breach,
            summary=affected.summarize(breach),
            authority_settled=services.is_authority_settled(breach),
            persons_settled=services.are_persons_settled(breach),
            late=now > breach.authority_due_at,
            delays=rules.DELAY_REASONS,
            authority_waivers=rules.WAIVER_REASONS[rules.Decision.WAIVE_AUTHORITY],
            persons_waivers=rules.WAIVER_REASONS[rules.Decision.WAIVE_PERSONS],
            events=AuditLog.objects.filter(target_id=str(breach.id)).order_by("recorded_at", "id")[:200],
            **kwargs,
        )

    def post(self, request: HttpRequest, breach_id: UUID) -> HttpResponse:
        """Record what the officer decided and go back to the breach."""
        try:
            services.decide(
                breach_id=_get(breach_id).id,
                move=request.POST.get("move", ""),
                code=request.POST.get("code", ""),
                actor=self.actor,
                now=datetime.now(UTC),
            )
        except rules.DecisionRefused as error:
            messages.error(request, f"That could not be recorded: {error}.", extra_tags="bad")
        return redirect(f"/privacy/breaches/{breach_id}")


class AffectedDownload(ScopedView):
    """Those a breach concerns, with their addresses; by POST, for each opening is recorded."""

    scope = SCOPE

    def post(self, request: HttpRequest, breach_id: UUID) -> HttpResponse:
        """Send the list."""
        return print_addresses(_get(breach_id), actor=self.actor)


def _get(breach_id: UUID) -> Breach:
    try:
        return services.get_breach(breach_id)
    except services.UnknownBreach as error:
        raise Http404("no such breach") from error


def _read_time(field: str, given: dict[str, Any]) -> datetime:
    """Read a field of type datetime-local as UTC, as the form says."""
    try:
        return datetime.strptime(given[field], LOCAL_TIME).replace(tzinfo=UTC)
    except ValueError:
        raise rules.DecisionRefused(field, "is a date and time, UTC") from None
