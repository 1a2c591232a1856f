"""Verifications that somebody asked for, done in short turns by the default worker."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction

from compliance import audit
from compliance.sealing.anchors import Anchors
from compliance.sealing.models import AuditVerification
from compliance.sealing.trust import NoKey
from compliance.sealing.verification import Verification

REQUESTED, FINISHED = "audit_verification.requested", "audit_verification.finished"
# The default worker also sends hints and keeps schedules, so a turn must be short.
TURN_SECONDS = 2.0


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


def find_verification(*, verification_id: UUID) -> AuditVerification | None:
    """Return a verification with its progress or result."""
    return AuditVerification.objects.filter(id=verification_id).first()


def work_on_verifications(*, now: datetime, turn_seconds: float = TURN_SECONDS) -> bool:
    """Do one turn on the oldest open verification; return whether more is to do."""
    deadline = time.monotonic() + turn_seconds
    with transaction.atomic():
        open_ones = AuditVerification.objects.filter(state__in=("queued", "running"))
        asked = open_ones.select_for_update(skip_locked=True).order_by("requested_at").first()
        if asked is None:
            return False
        try:
            work = Verification(anchors=find_anchors(), progress=asked.progress or None)
        except NoKey as error:
            _finish(asked, {"sound": False, "findings": [], "error": str(error)}, now)
            return True
        while not work.is_read:
            work.step()
            if time.monotonic() > deadline:
                break
        if work.is_read:
            _finish(asked, work.finish(now=now).to_json(), now)
        else:
            asked.state, asked.progress = AuditVerification.State.RUNNING, work.to_json()
            asked.save(update_fields=["state", "progress"])
    return True


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
