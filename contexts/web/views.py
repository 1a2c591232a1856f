"""Accounts by priority, and one account with what its score is made of."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import Http404
from django.http.response import HttpResponseBase

from compliance import consent
from contexts import selectors
from contexts.contracts import Contribution, ScoreExplanation
from contexts.selectors.merges import count_open_candidates, list_merges_of, name_pairs
from contexts.web.sparklines import list_histories
from revctx.api.errors import ApiError
from revctx.api.times import parse_instant
from revctx.web.access import ScopedPage
from signals.selectors import list_types

PAGE_SIZE = 25
HISTORY_DAYS = 90
TIMELINE_LENGTH = 40
_LAST_ID = UUID(int=2**128 - 1)
BANDS = (("", "All"), ("hot", "Hot"), ("warm", "Warm"), ("cold", "Cold"))


@dataclass(frozen=True)
class Line:
    """One row of the contributions: `share` is its part of the largest one."""

    label: str
    contribution: Contribution
    share: float


class AccountList(ScopedPage):
    """Accounts by falling priority, narrowed by words and band, now or as of a day."""

    scope = "accounts:read"
    template_name = "contexts/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read one page of accounts and their lines."""
        now = datetime.now(UTC)
        asked = {name: self.request.GET.get(name, "").strip() for name in ("q", "band", "as_of")}
        as_of, as_of_error = _parse_as_of(asked["as_of"])
        band = asked["band"] if asked["band"] in dict(BANDS) else ""
        rows = selectors.list_accounts(
            search=asked["q"],
            band=band,
            as_of=as_of,
            after=_parse_position(self.request.GET.get("after", "")),
            limit=PAGE_SIZE + 1,
        )
        shown = rows[:PAGE_SIZE]
        histories = list_histories(account_ids=[row.id for row in shown], until=as_of or now)
        return super().get_context_data(
            rows=[{"account": row, "history": histories.get(row.id, [])} for row in shown],
            next_cursor=f"{shown[-1].priority!r}~{shown[-1].id}" if len(rows) > PAGE_SIZE else "",
            filters=asked,
            bands=BANDS,
            filtered=any(asked.values()),
            as_of=as_of,
            as_of_error=as_of_error,
            threshold=selectors.get_active_configs()[1].hot_threshold,
            matches=count_open_candidates(),
            **kwargs,
        )


class AccountDetail(ScopedPage):
    """One account: score, contributions, timeline, people by consent, quality."""

    scope = "accounts:read"
    template_name = "contexts/detail.html"

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer with the 404 page where no account has this name."""
        try:
            return super().dispatch(*args, **kwargs)
        except selectors.AccountNotFound as error:
            raise Http404("no such account") from error

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the account as of now or of the asked day."""
        now = datetime.now(UTC)
        asked = self.request.GET.get("as_of", "").strip()
        as_of, as_of_error = _parse_as_of(asked)
        as_of = as_of if as_of and as_of < now else None
        at = as_of or now
        account = selectors.get_account(kwargs["ref"])
        labels = {entry.name: entry.label for entry in list_types()}
        explained = selectors.get_score(account_id=account.id, as_of=at)
        merges = list_merges_of(account.id)
        return super().get_context_data(
            account=account,
            score_now=explained,
            lines=_list_lines(explained, labels),
            total=sum(part.points for part in explained.contributions),
            history=selectors.get_history(
                account_id=account.id, since=at - timedelta(days=HISTORY_DAYS), until=at
            ),
            threshold=selectors.get_active_configs()[1].hot_threshold,
            timeline=_list_timeline(account.id, labels, at=at),
            people=_list_people(account.id, now=now),
            quality=selectors.get_quality(account_id=account.id, now=now),
            merges=merges,
            merge_names=name_pairs(merges),
            as_of=as_of,
            as_of_asked=asked,
            as_of_error=as_of_error,
            **kwargs,
        )


def _list_timeline(account_id: UUID, labels: dict[str, str], *, at: datetime) -> list[dict[str, Any]]:
    entries = selectors.get_timeline(account_id, TIMELINE_LENGTH, before=(at, _LAST_ID))
    return [{"entry": entry, "label": labels.get(entry.type, entry.type)} for entry in entries]


def _list_lines(explained: ScoreExplanation, labels: dict[str, str]) -> list[Line]:
    largest = max((part.points for part in explained.contributions), default=0.0) or 1.0
    return [
        Line(labels.get(part.type, part.type), part, part.points / largest)
        for part in sorted(explained.contributions, key=lambda part: -part.points)
    ]


def _list_people(account_id: UUID, *, now: datetime) -> list[dict[str, Any]]:
    contacts = selectors.list_contacts(account_id)
    decisions = consent.list_status(subject_ids=[contact.subject_id for contact in contacts], now=now)
    return [{"contact": contact, "consent": decisions[contact.subject_id]} for contact in contacts]


def _parse_as_of(text: str) -> tuple[datetime | None, str]:
    if not text:
        return None, ""
    try:
        return parse_instant(text), ""
    except ApiError:
        return None, "Write a day such as 2026-03-31."


def _parse_position(cursor: str) -> tuple[float, UUID] | None:
    priority, _, account_id = cursor.partition("~")
    try:
        return float(priority), UUID(account_id)
    except ValueError:
        return None
