"""Verifications that somebody asked for, done in short turns by the default worker."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import DataError, ProgrammingError, connection, transaction

from compliance import audit
from compliance.sealing.anchors import Anchors
from compliance.sealing.findings import Finding, Report
from compliance.sealing.models import AuditVerification
from compliance.sealing.trust import NoKey
from compliance.sealing.verification import Verification

REQUESTED, FINISHED = "audit_verification.requested", "audit_verification.finished"
# The default worker also sends hints and keeps schedules, so a turn must be short.
TURN_SECONDS = 2.0
OPEN = (AuditVerification.State.QUEUED, AuditVerification.State.RUNNING)
# What rows, seals and tables can raise that somebody has put out of shape; a lost connection is none of it.
UNREADABLE = (ValueError, OverflowError, DataError, ProgrammingError)


def find_anchors() -> Anchors | None:
    """Return the configured anchors, if this process can read them."""
    folder = Path(settings.AUDIT_ANCHOR_DIR)
    return Anchors(folder) if settings.AUDIT_ANCHOR_DIR and folder.is_dir() else None


def request_verification(*, actor: str, now: datetime) -> AuditVerification:
    """Note that the log is to be verified; the worker finds the note."""
    with transaction.atomic():
        asked = AuditVerification.objects.create(actor=actor, requested_at=now)
        _audit(REQUESTED, asked, actor, now, {})
    return asked


def find_open_verification() -> AuditVerification | None:
    """Return the verification that is waiting or running, the oldest if there are several."""
    return AuditVerification.objects.filter(state__in=OPEN).order_by("requested_at").first()


def list_verifications(*, limit: int) -> list[AuditVerification]:
    """Return the latest verifications, the newest first."""
    return list(AuditVerification.objects.order_by("-requested_at")[:limit])


def find_verification(*, verification_id: UUID) -> AuditVerification | None:
    """Return a verification with its progress or result."""
    return AuditVerification.objects.filter(id=verification_id).first()


def work_on_verifications(*, now: datetime, turn_seconds: float = TURN_SECONDS) -> bool:
    """Do one turn on the oldest open verification; return whether more is to do."""
    deadline = time.monotonic() + turn_seconds
    with transaction.atomic():
        # No row lock: it would take a transaction id, and with it hold up the sealer and the relay.
        if not _try_lock():
            return False
        asked = AuditVerification.objects.filter(state__in=OPEN).order_by("requested_at").first()
        if asked is None:
            return False
        try:
            work = Verification(anchors=find_anchors(), progress=asked.progress or None)
        except NoKey as error:
            _finish(asked, {"sound": False, "findings": [], "error": str(error)}, now)
            return True
        except UNREADABLE as error:
            _finish(asked, _report_unreadable(Report(), error).to_json(), now)
            return True
        _take_turn(asked, work, deadline, now)
    return True


def _take_turn(asked: AuditVerification, work: Verification, deadline: float, now: datetime) -> None:
    try:
        with transaction.atomic():
            while not work.is_read:
                work.step()
                if time.monotonic() > deadline:
                    break
            report = work.finish(now=now) if work.is_read else None
    except UNREADABLE as error:
        report = _report_unreadable(work.report, error, work.progress.index)
    if report is not None:
        _finish(asked, report.to_json(), now)
    else:
        asked.state, asked.progress = AuditVerification.State.RUNNING, work.to_json()
        asked.save(update_fields=["state", "progress"])


def _report_unreadable(report: Report, error: Exception, index: int | None = None) -> Report:
    """Call what cannot even be read a finding: nobody can stop a verification by what they wrote."""
    place = "the log" if index is None else f"the log from leaf {index} on"
    report.add(Finding("unreadable", f"{place} cannot be read ({type(error).__name__})", index=index))
    return report


def _try_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('revctx_verify', 0))")
        return bool(cursor.fetchone()[0])


def _finish(asked: AuditVerification, report: dict[str, object], now: datetime) -> None:
    states = AuditVerification.State
    asked.state = states.SOUND if report["sound"] else states.UNSOUND
    asked.report, asked.progress, asked.finished_at = report, {}, now
    asked.save()
    _audit(FINISHED, asked, "system:verifier", now, {"sound": bool(report["sound"])})


def _audit(name: str, asked: AuditVerification, actor: str, now: datetime, payload: dict[str, bool]) -> None:
    entry = audit.AuditEntry(
        name=name,
        actor=actor,
        target_type="audit_verification",
        target_id=str(asked.id),
        at=now,
        payload=payload,
    )
    audit.record([entry])
