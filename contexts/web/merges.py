"""Pages of identity: pairs that may be one, what merging them would change, and what was merged."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from contexts import selectors
from contexts.aliases import find_id
from contexts.selectors.merges import list_candidates, list_merges, name_pairs
from contexts.services.matching import UnknownCandidate, dismiss
from contexts.services.merge_preview import preview_merge
from contexts.services.merging import MergeRefused, merge, undo
from revctx.web.access import ScopedPage, ScopedView
from revctx.web.paging import read_page

SCOPE = "accounts:write"
RECENT = 25


class Identity(ScopedPage):
    """Pairs to look at, and the merges of late."""

    scope = "accounts:read"
    template_name = "contexts/identity.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read one page of open pairs, and the newest merges."""
        page = read_page(list_candidates(), time_field="created_at", cursor=self.request.GET.get("after", ""))
        merges = list(list_merges()[:RECENT])
        names = name_pairs([*page.rows, *merges])
        return super().get_context_data(
            page=page,
            candidates=[_Named(row, names) for row in page.rows],
            merges=[_Named(row, names) for row in merges],
            may_write=SCOPE in self.scopes,
            **kwargs,
        )


class _Named:
    """A row with the names of its two sides; persons have none here."""

    def __init__(self, row: Any, names: dict[UUID, str]) -> None:
        self.row = row
        self.merged = names.get(row.merged_id, "")
        self.survivor = names.get(row.survivor_id, "")


class MergePage(ScopedPage):
    """What a merge would change, and the button that does it."""

    scope = SCOPE
    template_name = "contexts/merge.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Work the preview out; what can't be merged says why."""
        now, preview, refusal = datetime.now(UTC), None, ""
        asked = {
            name: self.request.GET.get(name, "").strip() for name in ("kind", "merged", "survivor", "back")
        }
        asked["kind"] = "contact" if asked["kind"] == "contact" else "account"
        try:
            preview = preview_merge(**_read_pair(asked), now=now)
        except MergeRefused as error:
            refusal = f"{str(error)[:1].upper()}{str(error)[1:]}."
        except selectors.AccountNotFound:
            refusal = "No account has this id or alias."
        return super().get_context_data(preview=preview, refusal=refusal, asked=asked, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Merge, and show the survivor."""
        asked = {name: request.POST.get(name, "") for name in ("kind", "merged", "survivor", "back")}
        try:
            pair = _read_pair(asked)
            merge(**pair, actor=self.actor, now=datetime.now(UTC))
        except (MergeRefused, selectors.AccountNotFound) as error:
            messages.error(request, f"That could not be merged: {error}.", extra_tags="bad")
            return redirect("/identity")
        messages.success(request, "Merged. It can be undone below.", extra_tags="good")
        is_account = pair["kind"] == "account"
        return redirect(f"/accounts/{pair['survivor_id']}" if is_account else _read_back(asked))


class UndoMerge(ScopedView):
    """Split what was merged."""

    scope = SCOPE

    def post(self, request: HttpRequest, merge_id: UUID) -> HttpResponse:
        """Undo it and go back to where the reader came from."""
        try:
            undo(merge_id=merge_id, actor=self.actor, now=datetime.now(UTC))
        except MergeRefused as error:
            messages.error(request, f"That could not be undone: {error}.", extra_tags="bad")
        else:
            messages.success(request, "Split again. Both have their own score.", extra_tags="good")
        return redirect(_read_back({"back": request.POST.get("back", "")}))


class DismissCandidate(ScopedView):
    """Take a pair off the list."""

    scope = SCOPE

    def post(self, request: HttpRequest, candidate_id: UUID) -> HttpResponse:
        """Dismiss it for good."""
        try:
            dismiss(candidate_id=candidate_id, actor=self.actor, now=datetime.now(UTC))
        except UnknownCandidate as error:
            raise Http404("no such match") from error
        messages.success(request, "Dismissed. This pair is not proposed again.", extra_tags="good")
        return redirect("/identity")


def _read_pair(asked: dict[str, str]) -> dict[str, Any]:
    """Return kind and both ids. Raises AccountNotFound or MergeRefused."""
    if asked["kind"] != "contact":
        ids = [
            find_id(asked[name]) or selectors.get_account_id(asked[name]) for name in ("merged", "survivor")
        ]
        return {"kind": "account", "merged_id": ids[0], "survivor_id": ids[1]}
    merged, survivor = find_id(asked["merged"]), find_id(asked["survivor"])
    if merged is None or survivor is None:
        raise MergeRefused("unknown_contact", "one of the two is not known here")
    return {"kind": "contact", "merged_id": merged, "survivor_id": survivor}


def _read_back(asked: dict[str, str]) -> str:
    """Return the account page to go back to, else the list; nothing but an id of ours is followed."""
    account_id = find_id(asked["back"])
    return f"/accounts/{account_id}" if account_id else "/identity"
