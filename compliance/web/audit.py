"""The audit log, searched."""

from typing import Any
from uuid import UUID

from compliance import selectors
from compliance.audit import TRANSITIONS
from compliance.web.verifications import describe_latest
from revctx.web.access import ScopedPage
from revctx.web.paging import read_page

FIELDS = ("name", "actor", "target_id", "request_id", "account_id")


class AuditEvents(ScopedPage):
    """Recorded transitions, newest first, narrowed by any of their ids."""

    scope = "audit:read"
    template_name = "compliance/audit.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read one page of events; a malformed account id matches nothing and is told so."""
        asked = {field: self.request.GET.get(field, "").strip() for field in FIELDS}
        given: dict[str, Any] = {field: value for field, value in asked.items() if value}
        malformed = False
        if "account_id" in given:
            try:
                given["account_id"] = UUID(given["account_id"])
            except ValueError:
                malformed = True
        events = (
            selectors.list_audit_events(**given) if not malformed else selectors.list_audit_events().none()
        )
        page = read_page(events, time_field="recorded_at", cursor=self.request.GET.get("after", ""))
        return super().get_context_data(
            page=page,
            filters=asked,
            filtered=bool(given),
            malformed=malformed,
            names=sorted(TRANSITIONS),
            latest=describe_latest(),
            **kwargs,
        )
