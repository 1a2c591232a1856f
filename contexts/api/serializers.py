"""Answers of the account endpoints."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from contexts.contracts import AccountView, ContactView, Contribution, Quality, ScoreExplanation
from contexts.raising import WouldRaise
from revctx.api.schemas import ResponseModel


class AccountSummary(ResponseModel):
    """One line of the ranked list, as of `scored_at`."""

    id: UUID
    name: str
    attributes: dict[str, Any]
    intent: float
    fit: float
    priority: float
    band: str
    hot_until: datetime | None
    scored_at: datetime


class AccountPage(ResponseModel):
    """One page of the ranked list."""

    next: str | None
    results: list[AccountSummary]


class AliasResponse(ResponseModel):
    """A name that a source has for the account."""

    kind: str
    value: str


class ContactResponse(ResponseModel):
    """A person at the account, by random ids."""

    id: UUID
    person: UUID
    title_class: str


class QualityResponse(ResponseModel):
    """How well the account is known, all in 0…1."""

    score: float
    completeness: float
    freshness: float
    consistency: float
    best_missing: str | None
    best_missing_gain: float


class AccountDetail(ResponseModel):
    """An account with its aliases, people and present score."""

    id: UUID
    name: str
    domain: str | None
    attributes: dict[str, Any]
    aliases: list[AliasResponse]
    contacts: list[ContactResponse]
    quality: QualityResponse
    intent: float
    fit: float
    priority: float
    band: str
    hot_until: datetime | None
    version: int
    as_of: datetime
    created_at: datetime

    @classmethod
    def of(
        cls, account: AccountView, contacts: list[ContactView], quality: Quality, score: ScoreExplanation
    ) -> Self:
        """Return the parts as the API prints them."""
        return cls(
            id=account.id,
            name=account.name,
            domain=account.domain,
            attributes=account.attributes,
            aliases=[AliasResponse(kind=kind, value=value) for kind, value in account.aliases],
            contacts=[
                ContactResponse(id=c.id, person=c.subject_id, title_class=c.title_class) for c in contacts
            ],
            quality=QualityResponse.model_validate(quality),
            intent=score.intent,
            fit=score.fit,
            priority=score.priority,
            band=score.band,
            hot_until=score.hot_until,
            version=score.version,
            as_of=score.as_of,
            created_at=account.created_at,
        )


class ContributionResponse(ResponseModel):
    """Points of one person's signals of one type; at most 20 ids, the newest first."""

    type: str
    person: UUID | None
    signal_ids: list[UUID]
    signal_count: int
    points: float
    latest_at: datetime

    @classmethod
    def of(cls, contribution: Contribution) -> Self:
        """Return a contribution as the API prints it."""
        return cls(
            type=contribution.type,
            person=contribution.subject_id,
            signal_ids=list(contribution.signal_ids),
            signal_count=contribution.signal_count,
            points=contribution.points,
            latest_at=contribution.latest_at,
        )


class FitReasonResponse(ResponseModel):
    """What one criterion of the ideal profile gave."""

    field: str
    outcome: str
    credit: float
    weight: float


class NextCrossingResponse(ResponseModel):
    """When the account leaves its band if nothing else arrives, and the band that follows."""

    at: datetime
    direction: str
    threshold: float
    band: str


class RaiseResponse(ResponseModel):
    """Points that one more signal of a type (and stage) would add now; how many would reach the next band.

    By a new person, by the one who has shown the type most, and naming nobody.
    """

    type: str
    stage: str
    new_person: float
    same_person: float | None
    no_person: float
    needed: int | None
    needed_same: int | None


class FewestResponse(ResponseModel):
    """So many signals of a type (and stage), each of a new person."""

    type: str
    stage: str
    count: int


class WouldRaiseResponse(ResponseModel):
    """What would lift the account into the next band; null for one that is hot."""

    next_band: str | None
    threshold: float | None
    missing: float
    signals: list[RaiseResponse]
    fewest: list[FewestResponse]

    @classmethod
    def of(cls, would_raise: WouldRaise) -> Self:
        """Return the advice as the API prints it."""
        return cls(
            next_band=would_raise.next_band,
            threshold=would_raise.threshold,
            missing=would_raise.missing,
            signals=[
                RaiseResponse(
                    type=item.kind.type,
                    stage=item.kind.stage,
                    new_person=item.new_person,
                    same_person=item.same_person,
                    no_person=item.no_person,
                    needed=item.needed,
                    needed_same=item.needed_same,
                )
                for item in would_raise.raises
            ],
            fewest=[
                FewestResponse(type=kind.type, stage=kind.stage, count=count)
                for kind, count in would_raise.fewest
            ],
        )


class ScoreResponse(ResponseModel):
    """The score at `as_of` as known at `known_at`; points sum to the intent exactly."""

    account_id: UUID
    intent: float = Field(ge=0, le=100)
    fit: float = Field(ge=0, le=1)
    fit_reasons: list[FitReasonResponse]
    priority: float
    band: str
    damping: float
    damped_by: list[str]
    hot_until: datetime | None
    contributions: list[ContributionResponse]
    next_crossing: NextCrossingResponse | None
    would_raise: WouldRaiseResponse
    version: int
    as_of: datetime
    known_at: datetime
    decay_version: int
    weight_version: int

    @classmethod
    def of(cls, score: ScoreExplanation, would_raise: WouldRaise) -> Self:
        """Return an explanation as the API prints it."""
        same = {name: getattr(score, name) for name in _SAME_NAME}
        return cls(
            **same,
            damped_by=list(score.damped_by),
            fit_reasons=[FitReasonResponse(**reason) for reason in score.fit_reasons],
            contributions=[ContributionResponse.of(item) for item in score.contributions],
            next_crossing=NextCrossingResponse.model_validate(score.next_crossing)
            if score.next_crossing
            else None,
            would_raise=WouldRaiseResponse.of(would_raise),
        )


_SAME_NAME = sorted(
    set(ScoreResponse.model_fields)
    - {"damped_by", "fit_reasons", "contributions", "next_crossing", "would_raise"}
)


class TimelineEntryResponse(ResponseModel):
    """A signal that counted, or a crossing."""

    at: datetime
    kind: str
    id: UUID
    type: str
    person: UUID | None
    detail: dict[str, Any]


class TimelinePage(ResponseModel):
    """One page of the timeline, the newest first."""

    next: str | None
    results: list[TimelineEntryResponse]
