"""What follows from the newest statement of a person: allow, or deny with the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import connection

from compliance import consent_rules as rules
from compliance import policies, subject_links, subjects, suppressions
from compliance.consent_rules import DEFAULT_CHANNEL, DEFAULT_PURPOSE
from compliance.contracts import ConsentDecision
from compliance.jurisdictions import find_jurisdiction
from compliance.models import ConsentPolicy, ConsentRevision
from compliance.policies import PolicyTable

# The database alone says when a decision was recorded, so that column is not named.
_INSERT = """
INSERT INTO consent_decisions
    (subject_id, purpose, channel, allowed, reason, revision_id, policy_id, actor, decided_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def decide(
    *,
    subject_id: UUID,
    now: datetime,
    purpose: str = DEFAULT_PURPOSE,
    channel: str = DEFAULT_CHANNEL,
) -> ConsentDecision:
    """Decide for one person; deny unless the newest statement is in force and its law accepts it."""
    return list_status(subject_ids=[subject_id], purpose=purpose, channel=channel, now=now)[subject_id]


def record_decision(
    *,
    subject_id: UUID,
    actor: str,
    now: datetime,
    purpose: str = DEFAULT_PURPOSE,
    channel: str = DEFAULT_CHANNEL,
) -> ConsentDecision:
    """Decide for a known person and keep the decision, on which the database lets something be sent.

    It holds for 60 seconds, and only while the revision it names is the newest.
    """
    decision = decide(subject_id=subject_id, purpose=purpose, channel=channel, now=now)
    outcome = (decision.allowed, decision.reason, decision.revision_id, decision.policy_id)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, (subject_id, purpose, channel, *outcome, actor, now))
    return decision


def decide_for_address(
    *, email: str, now: datetime, purpose: str = DEFAULT_PURPOSE, channel: str = DEFAULT_CHANNEL
) -> ConsentDecision:
    """Decide for an address, known or not.

    Raises:
        InvalidEmail: not an address.
    """
    subject_id = subjects.find_subject(email=email)
    if subject_id is not None:
        return decide(subject_id=subject_id, purpose=purpose, channel=channel, now=now)
    reason = "suppressed" if suppressions.is_suppressed(email=email) else "no_consent"
    return ConsentDecision(allowed=False, reason=reason, revision_id=None, decided_at=now)


def list_status(
    *,
    subject_ids: Collection[UUID],
    now: datetime,
    purpose: str = DEFAULT_PURPOSE,
    channel: str = DEFAULT_CHANNEL,
) -> dict[UUID, ConsentDecision]:
    """Decide for many persons; every id gets a decision, unknown ones a denial.

    Who is on record more than once gets the strictest decision of all: a denial stands, the own first.
    """
    groups = subject_links.list_groups(subject_ids)
    everyone = set(subject_ids).union(*groups.values())
    decisions = _list_own(everyone, purpose=purpose, channel=channel, now=now)
    return {
        subject_id: _take_strictest(subject_id, groups.get(subject_id, ()), decisions)
        for subject_id in subject_ids
    }


def judge_together(
    subject_ids: Collection[UUID],
    *,
    now: datetime,
    purpose: str = DEFAULT_PURPOSE,
    channel: str = DEFAULT_CHANNEL,
) -> ConsentDecision:
    """Decide for persons as if they, and all linked to them, were one already; for a preview."""
    everyone = set(subject_ids).union(*subject_links.list_groups(subject_ids).values())
    decisions = _list_own(everyone, purpose=purpose, channel=channel, now=now)
    return _take_strictest(min(subject_ids), everyone, decisions)


def _take_strictest(
    subject_id: UUID, group: Iterable[UUID], decisions: Mapping[UUID, ConsentDecision]
) -> ConsentDecision:
    candidates = [decisions[subject_id], *(decisions[member] for member in sorted(group))]
    return next((decision for decision in candidates if not decision.allowed), candidates[0])


def _list_own(
    subject_ids: Collection[UUID], *, purpose: str, channel: str, now: datetime
) -> dict[UUID, ConsentDecision]:
    newest = {
        revision.subject_id: revision
        for revision in ConsentRevision.objects.filter(
            subject_id__in=subject_ids, purpose=purpose, channel=channel
        )
        .order_by("subject_id", "-number")
        .distinct("subject_id")
    }
    barred = suppressions.list_barred(subject_ids)
    table = _read_policies(newest.values(), purpose=purpose, channel=channel)
    return {
        subject_id: _decide(newest.get(subject_id), table, barred=barred.get(subject_id, ""), now=now)
        for subject_id in subject_ids
    }


def _read_policies(revisions: Collection[ConsentRevision], *, purpose: str, channel: str) -> PolicyTable:
    """Read the policy rows for contacting; other purposes are no contact and rest on consent alone."""
    if purpose != DEFAULT_PURPOSE:
        return {}
    return policies.read_table(jurisdictions={row.jurisdiction for row in revisions}, channel=channel)


def _decide(
    revision: ConsentRevision | None, table: PolicyTable, *, barred: str, now: datetime
) -> ConsentDecision:
    if revision is None or barred:
        reason = barred or "no_consent"
        return ConsentDecision(allowed=False, reason=reason, revision_id=None, decided_at=now)
    policy = policies.choose_policy(
        table, jurisdiction=revision.jurisdiction, subscriber_type=revision.subscriber_type
    )
    reason = rules.judge_statement(revision, now=now) or _judge_law(revision, policy)
    return ConsentDecision(
        allowed=not reason,
        reason=reason or "allowed",
        revision_id=revision.id,
        decided_at=now,
        jurisdiction=revision.jurisdiction,
        notice_version=revision.notice_version,
        captured_at=revision.captured_at,
        policy_id=policy.pk if policy else None,
    )


def _judge_law(revision: ConsentRevision, policy: ConsentPolicy | None) -> str:
    if find_jurisdiction(revision.jurisdiction) is None:
        return "unknown_jurisdiction"
    if revision.purpose != DEFAULT_PURPOSE:
        return "" if revision.lawful_basis == "consent" else "basis_insufficient"
    return rules.judge_policy(revision, policy) if policy else "no_policy"
