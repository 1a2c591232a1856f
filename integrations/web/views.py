"""What arrived at each door, and the dry-run of a mapping."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from integrations.generic.services import try_mapping
from integrations.selectors import find_source, list_inbound, list_sources, list_totals
from revctx.api.errors import ApiError
from revctx.api.parsing import parse_json
from revctx.web.access import ScopedPage
from signals.selectors import list_types

LINES = 50
PERIOD = timedelta(hours=24)
# A quiet door may be in order; one that lets nobody in, or keeps what it gets, wants somebody to look.
DOORS = {
    "salesforce": ("Salesforce", "/api/integrations/salesforce/webhook", "SALESFORCE_WEBHOOK_SECRETS"),
    "hubspot": ("HubSpot", "/api/integrations/hubspot/webhook", "HUBSPOT_WEBHOOK_SECRETS"),
    "segment": ("Segment", "/api/integrations/segment/webhook", "SEGMENT_WEBHOOK_SECRETS"),
}


class Inbound(ScopedPage):
    """Every door with its counts of the last day, and the lines of the inbound log."""

    scope = "signals:write"
    template_name = "integrations/inbound.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the totals and one page of lines."""
        source, problems = self.request.GET.get("source", ""), self.request.GET.get("problems") == "1"
        lines = list_inbound(source=source, problems=problems)
        before = self.request.GET.get("before", "")
        if before.isascii() and before.isdigit() and len(before) <= 18:
            lines = lines.filter(id__lt=int(before))
        found = list(lines[: LINES + 1])
        return super().get_context_data(
            doors=_list_doors(datetime.now(UTC) - PERIOD),
            lines=found[:LINES],
            before=found[LINES - 1].id if len(found) > LINES else "",
            source=source,
            problems=problems,
            filtered=bool(source or problems),
            can_edit=self.user.has_perm("integrations.add_mappedsource"),
            **kwargs,
        )


class DryRun(ScopedPage):
    """Paste a payload, see the signals that it would become, or what is wrong. Nothing is stored."""

    scope = "signals:write"
    template_name = "integrations/dry_run.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the source.

        Raises:
            Http404: there is none.
        """
        source = find_source(kwargs.pop("slug"))
        if source is None:
            raise Http404("no such source")
        return super().get_context_data(
            mapped=source,
            address=f"{settings.PUBLIC_URL}/api/integrations/generic/{source.slug}/webhook",
            labels={entry.name: entry.label for entry in list_types()},
            can_edit=self.user.has_perm("integrations.change_mappedsource"),
            **kwargs,
        )

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Map the pasted payload and show the outcome of each of its events."""
        payload = request.POST.get("payload", "")
        context = self.get_context_data(slug=slug, payload=payload)
        try:
            document = parse_json(payload.encode())
        except ApiError as error:
            return self.render_to_response(context | {"unreadable": error.message}, status=422)
        trials = try_mapping(source=context["mapped"], document=document, now=datetime.now(UTC))
        return self.render_to_response(context | {"trials": trials})


def _list_doors(since: datetime) -> list[dict[str, Any]]:
    """Return every door, the vendors' first, with its totals; unknown addresses last, when there were any."""
    totals = {row["source"]: row for row in list_totals(since=since)}
    doors = [
        {"source": name, "label": label, "path": path, "open": _is_open(setting), "kind": "connector"}
        for name, (label, path, setting) in DOORS.items()
    ]
    doors += [
        {
            "source": one.slug,
            "label": one.label,
            "path": f"/api/integrations/generic/{one.slug}/webhook",
            "open": one.enabled,
            "kind": "mapped",
        }
        for one in list_sources()
    ]
    if "unknown" in totals:
        doors.append(
            {"source": "unknown", "label": "Unknown addresses", "path": "", "open": True, "kind": ""}
        )
    return [door | {"totals": totals.get(str(door["source"]), {})} for door in doors]


def _is_open(setting: str) -> bool:
    return settings.ALLOW_UNSIGNED_WEBHOOKS or bool(getattr(settings, setting))
