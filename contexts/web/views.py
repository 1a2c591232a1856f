"""Accounts by priority, and one account with what its score is made of."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import Http404
from django.http.response import HttpResponseBase

from compliance import consent
from contexts import selectors
from contexts.contracts import AccountRow, Contribution, ScoreExplanation
from contexts.selectors.histories import History, list_histories
from contexts.selectors.merges import count_open_candidates, list_merges_of, name_pairs
from contexts.web.advice import find_advice
from contexts.web.moments import parse_past_day
from revctx.reading import reading
from revctx.web.access import ScopedPage
from signals.selectors import list_types

PAGE_SIZE = 25
HISTORY_DAYS = 90
# The small line of the list: four weeks in quarter weeks, so that a week ago is one of its points.
LINE_DAYS, LINE_POINTS, WEEK = 28, 17, 4
BANDS = (("", "All"), ("hot", "Hot"), ("warm", "Warm"), ("cold", "Cold"))
FITS = (("", "Any"), ("0.75", "0.75 or more"), ("0.5", "0.50 or more"), ("0.25", "0.25 or more"))


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
        asked = {name: self.request.GET.get(name, "").strip() for name in ("q", "band", "fit", "as_of")}
        day = parse_past_day(asked["as_of"], now=now)
        with reading():
            rows = selectors.list_accounts(
                search=asked["q"],
                band=asked["band"] if asked["band"] in dict(BANDS) else "",
                min_fit=float(asked["fit"] or 0) if asked["fit"] in dict(FITS) else 0.0,
                as_of=day.at,
                after=_parse_position(self.request.GET.get("after", "")),
                limit=PAGE_SIZE + 1,
            )
            shown = rows[:PAGE_SIZE]
            return super().get_context_data(
                rows=_with_lines(shown, until=day.at or now),
                next_cursor=f"{shown[-1].priority!r}~{shown[-1].id}" if len(rows) > PAGE_SIZE else "",
                filters=asked,
                bands=BANDS,
                fits=FITS,
                filtered=any(asked.values()),
                as_of=day.at,
                as_of_error=day.error,
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
        with reading():
            return super().get_context_data(**self._read(kwargs["ref"]), **kwargs)

    def _read(self, ref: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        day = parse_past_day(self.request.GET.get("as_of", ""), now=now)
        at = day.at or now
        account = selectors.get_account(ref)
        labels = {entry.name: entry.label for entry in list_types()}
        explained = selectors.get_score(account_id=account.id, as_of=at)
        since = at - timedelta(days=HISTORY_DAYS)
        merges = list_merges_of(account.id)
        enrichment = selectors.get_enrichment(account_id=account.id, now=now, account=account)
        return {
            "account": account,
            "score_now": explained,
            "lines": _list_lines(explained, labels),
            "advice": find_advice(explained),
            "total": sum(part.points for part in explained.contributions),
            "history": selectors.get_history(account_id=account.id, since=since, until=at),
            "threshold": selectors.get_active_configs()[1].hot_threshold,
            "people": _list_people(account.id, now=now),
            "quality": enrichment.quality,
            "enrichment": enrichment,
            "merges": merges,
            "merge_names": name_pairs(merges),
            "as_of": day.at,
            "as_of_asked": day.text,
            "as_of_error": day.error,
        }


def _with_lines(rows: list[AccountRow], *, until: datetime) -> list[dict[str, Any]]:
    """Return the rows with their line and what it gained within a week."""
    histories: dict[UUID, History] = list_histories(
        account_ids=[row.id for row in rows],
        since=until - timedelta(days=LINE_DAYS),
        until=until,
        points=LINE_POINTS,
    )
    shown = []
    for row in rows:
        line = histories.get(row.id, [])
        gained = line[-1][1] - line[-1 - WEEK][1] if line else 0.0
        shown.append({"account": row, "history": line, "gained": gained})
    return shown


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


def _parse_position(cursor: str) -> tuple[float, UUID] | None:
    priority, _, account_id = cursor.partition("~")
    try:
        return float(priority), UUID(account_id)
    except ValueError:
        return None
