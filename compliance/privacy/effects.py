"""What a request of each type does, as named steps that can fail and be repeated one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from compliance import consent, erasure, shredding, subject_links, subjects, suppressions
from compliance.models import Suppression
from compliance.normalization import normalize_email
from compliance.privacy import exporting, registry, restrictions
from compliance.privacy.models import PrivacyRequest
from compliance.privacy.moves import ACTOR
from compliance.privacy.states import RequestType

KEY_STEP = "compliance.key"
SOURCE = "privacy request"


@dataclass(frozen=True)
class Step:
    """One place to reach. When an ``essential`` step fails, those after it are not tried."""

    name: str
    run: Callable[[datetime], None]
    essential: bool = False


def list_steps(request: PrivacyRequest) -> list[Step]:
    """Return what the request has to do; nothing for somebody of whom nothing is held."""
    if request.subject_id is None:
        return []
    kind, subject_id = RequestType(request.type), request.subject_id
    if kind is not RequestType.ERASURE and subjects.list_erased([subject_id]):
        return []
    if kind in (RequestType.ACCESS, RequestType.PORTABILITY):
        return [Step("compliance.export", partial(exporting.store_export, request))]
    if kind is RequestType.RECTIFICATION:
        return _rectification(request, subject_id)
    return list_lasting_steps(kind, subject_id)


def list_lasting_steps(kind: RequestType, subject_id: UUID) -> list[Step]:
    """Return the steps of the types that must hold after a restored backup, too.

    Raises:
        KeyError: a type that is none of them.
    """
    return {
        RequestType.ERASURE: _erasure,
        RequestType.RESTRICTION: _restriction,
        RequestType.OBJECTION: _objection,
        RequestType.OPT_OUT: _opt_out,
    }[kind](subject_id)


def _erasure(subject_id: UUID) -> list[Step]:
    erasers = erasure.list_erasers()
    return [
        Step(KEY_STEP, partial(_shred, subject_id), essential=True),
        *(Step(name, partial(_erase_in, name, subject_id)) for name in erasers),
    ]


def _restriction(subject_id: UUID) -> list[Step]:
    return [Step("compliance.restriction", partial(_restrict, subject_id, "restriction"))]


def _objection(subject_id: UUID) -> list[Step]:
    # Article 21(3) ends profiling for direct marketing too, and a score is just that.
    return [
        *_opt_out(subject_id),
        Step("compliance.restriction", partial(_restrict, subject_id, "objection")),
    ]


def _opt_out(subject_id: UUID) -> list[Step]:
    return [
        Step("compliance.suppression", partial(_suppress, subject_id)),
        Step("compliance.consent", partial(_withdraw, subject_id)),
        *(Step(name, partial(_stop_in, name, subject_id)) for name in sorted(registry.stoppers)),
    ]


def _rectification(request: PrivacyRequest, subject_id: UUID) -> list[Step]:
    return [
        Step(name, partial(_correct_in, name, request, subject_id)) for name in sorted(registry.correctors)
    ]


def _shred(subject_id: UUID, now: datetime) -> None:
    shredding.shred(subject_id=subject_id, actor=ACTOR, now=now, run_erasers=lambda _: None)


def _erase_in(name: str, subject_id: UUID, now: datetime) -> None:
    for member in subject_links.list_group(subject_id):
        erasure.run_eraser(name, member)


def _restrict(subject_id: UUID, reason: str, now: datetime) -> None:
    restrictions.restrict(subject_id=subject_id, reason=reason, actor=ACTOR, now=now)


def _suppress(subject_id: UUID, now: datetime) -> None:
    found = subjects.get_address(subject_ids=[subject_id], actor=ACTOR, purpose="suppression", now=now)
    for address in found.values():
        reason = Suppression.Reason.OBJECTED
        suppressions.suppress(address=normalize_email(address), reason=reason, now=now)


def _withdraw(subject_id: UUID, now: datetime) -> None:
    consent.revoke(subject_id=subject_id, source=SOURCE, actor=ACTOR, now=now)


def _stop_in(name: str, subject_id: UUID, now: datetime) -> None:
    for member in subject_links.list_group(subject_id):
        registry.stoppers[name](member, "objected", now)


def _correct_in(name: str, request: PrivacyRequest, subject_id: UUID, now: datetime) -> None:
    item = (subject_id, bytes(request.sealed_details or b""), request.id.bytes)
    [opened] = subjects.open_sealed(items=[item], actor=ACTOR, purpose="rectification", now=now)
    if opened is not None:
        registry.correctors[name](subject_id, json.loads(opened)["corrections"], now)
