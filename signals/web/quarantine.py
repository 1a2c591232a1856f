"""The quarantine: what no mapping understood, what no worker could do, and both once more."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from revctx.eventbus import workitems
from revctx.observability.registry import record_audit
from revctx.web.access import ScopedPage
from revctx.web.paging import read_page
from signals import selectors
from signals.api.quarantine import readable
from signals.services import quarantine
from signals.services.quarantine_mappers import find_mapper
from signals.services.quarantine_opening import inspect_payload
from signals.services.quarantine_replay import Replayed, replay_payload, replay_waiting

AGES = {"1": "Older than a day", "7": "Older than a week", "21": "Older than three weeks"}
STATES = {"open": "Waiting", "resolved": "Resolved", "all": "All"}
_FILTERS = ("source", "reason", "state", "age")
MAX_SHOWN = 100_000  # characters of a payload on one page

_SAID = {
    "accepted": "A signal was made of it.",
    "duplicate": "It was a signal already; nothing was counted twice.",
    "conflict": "Its event was stored in another version; this one is kept beside it and does not count.",
    "noted": "It only told who belongs to whom, and that was learned.",
    "gone": "Its content is gone, so nothing can be made of it.",
}


class QuarantinePage(ScopedPage):
    """Payloads by source, reason, state and age, above them the counts, below them dead work."""

    scope = "signals:read"
    post_scope = "signals:write"
    template_name = "signals/quarantine.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the counts and one page of payloads."""
        asked = {
            name: self.request.GET.get(name, "").strip() for name in ("source", "reason", "state", "age")
        }
        state = asked["state"] if asked["state"] in STATES else "open"
        age = AGES.get(asked["age"]) and timedelta(days=int(asked["age"]))
        rows = selectors.list_quarantine(
            source=asked["source"],
            reason=asked["reason"],
            state="" if state == "all" else state,
            received_before=datetime.now(UTC) - age if age else None,
        )
        counts = selectors.count_quarantine()
        return super().get_context_data(
            page=read_page(rows, time_field="received_at", cursor=self.request.GET.get("after", "")),
            counts=counts,
            waiting=sum(count.waiting for count in counts),
            sources=sorted({count.source for count in counts} | ({asked["source"]} - {""})),
            reasons=sorted({count.reason for count in counts} | ({asked["reason"]} - {""})),
            filters=asked | {"state": state},
            filtered=any(asked.values()),
            ages=AGES,
            states=STATES,
            dead=workitems.count_dead(),
            **kwargs,
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Replay waiting payloads of a source and reason, or the dead items of a group."""
        source, reason = request.POST.get("source", ""), request.POST.get("reason", "")
        if group := request.POST.get("group", ""):
            self._replay_dead(group)
            return HttpResponseRedirect("/signals/quarantine")
        started = request.POST.get("since", "")
        result = replay_waiting(
            source=source or None,
            reason=reason or None,
            untried_since=_instant(started),
            actor=self.actor,
            now=datetime.now(UTC),
        )
        _say_counts(request, result.statuses)
        back = {"source": source, "reason": reason}
        if result.remaining:
            back["since"] = result.started_at.isoformat()
            messages.info(request, f"{result.remaining} more are waiting; replay once more to go on.")
        return HttpResponseRedirect(f"/signals/quarantine?{urlencode(back)}")

    def _replay_dead(self, group: str) -> None:
        if group not in settings.EVENT_GROUPS:
            raise Http404("no such group")
        now = datetime.now(UTC)
        with transaction.atomic():
            count = workitems.replay_dead(group=group, now=now)
            record_audit(
                name="work.replayed",
                actor=self.actor,
                target_type="group",
                target_id=group,
                at=now,
                payload={"items": count},
            )
        messages.success(self.request, f"{count} items have five more attempts.", extra_tags="good")


class QuarantinedPage(ScopedPage):
    """One payload: why it waits, what became of it, and, opened on purpose, its content."""

    scope = "signals:read"
    template_name = "signals/quarantined.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the row; its body stays sealed.

        Raises:
            Http404: there is no such payload.
        """
        row = selectors.list_quarantine().filter(id=kwargs["payload_id"]).first()
        if row is None:
            raise Http404("no such payload")
        context = {"row": row, "has_mapper": find_mapper(row.source) is not None}
        return super().get_context_data(**context, **kwargs)

    def post(self, request: HttpRequest, payload_id: UUID) -> HttpResponse:
        """Open, replay or dismiss the payload.

        Raises:
            PermissionDenied: the role may not.
            Http404: there is no such payload or move.
        """
        moves = {"open": "quarantine:open", "replay": "signals:write", "dismiss": "signals:write"}
        move = request.POST.get("move", "")
        if move not in moves:
            raise Http404("no such move")
        if moves[move] not in self.scopes:
            raise PermissionDenied(moves[move])
        try:
            if move == "open":
                return self._show(payload_id)
            self._move(move, payload_id)
        except quarantine.PayloadNotFound as error:
            raise Http404("no such payload") from error
        return HttpResponseRedirect(f"/signals/quarantine/{payload_id}")

    def _move(self, move: str, payload_id: UUID) -> None:
        now = datetime.now(UTC)
        if move == "replay":
            _say(self.request, replay_payload(payload_id=payload_id, actor=self.actor, now=now))
        elif quarantine.dismiss(payload_id=payload_id, actor=self.actor, now=now):
            messages.success(self.request, "It is closed without a signal.", extra_tags="good")

    def _show(self, payload_id: UUID) -> HttpResponse:
        payload = inspect_payload(payload_id=payload_id, actor=self.actor, now=datetime.now(UTC))
        text = readable(payload) if payload is not None else ""
        context = self.get_context_data(
            payload_id=payload_id,
            opened=True,
            content=text[:MAX_SHOWN],
            is_cut=len(text) > MAX_SHOWN,
        )
        response = self.render_to_response(context)
        response["Cache-Control"] = "no-store"
        return response


def _say(request: HttpRequest, result: Replayed) -> None:
    if result.status == "quarantined":
        words = f"It still can't be mapped: {result.reason.replace('_', ' ')}."
        messages.warning(request, words, extra_tags="warm")
        return
    words = _SAID.get(result.status, "It was closed before.")
    messages.success(request, words, extra_tags="good" if result.signal_ids else "")


def _say_counts(request: HttpRequest, statuses: dict[str, int]) -> None:
    words = ", ".join(
        f"{count} still waiting" if status == "quarantined" else f"{count} {status}"
        for status, count in sorted(statuses.items())
    )
    messages.success(request, f"Replayed: {words or 'nothing was waiting'}.", extra_tags="good")


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else None
