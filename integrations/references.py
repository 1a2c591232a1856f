"""Who belongs to whom, as a source's own events told: its ids to accounts and persons."""

import hashlib
import hmac
import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection

from compliance import subjects
from integrations.models import KnownReference
from integrations.outcomes import Known, Link

_PURPOSE = "attribute a connector's event to the person"

# Of two reports the later one counts; at the same instant one that names an account wins.
_REMEMBER = """
    INSERT INTO integration_references AS known
        (source, key_hash, account, account_at, subject_id, subject_at)
    SELECT %s, key_hash, account, account_at, subject_id, subject_at
    FROM unnest(%s::bytea[], %s::jsonb[], %s::timestamptz[], %s::uuid[], %s::timestamptz[])
        AS new (key_hash, account, account_at, subject_id, subject_at)
    ORDER BY key_hash
    ON CONFLICT (source, key_hash) DO UPDATE SET
        account = CASE WHEN COALESCE(excluded.account_at > known.account_at, excluded.account_at IS NOT NULL)
            OR (excluded.account_at = known.account_at AND excluded.account IS NOT NULL)
            THEN excluded.account ELSE known.account END,
        account_at = GREATEST(known.account_at, excluded.account_at),
        subject_id = CASE WHEN COALESCE(excluded.subject_at >= known.subject_at,
                excluded.subject_at IS NOT NULL)
            THEN excluded.subject_id ELSE known.subject_id END,
        subject_at = GREATEST(known.subject_at, excluded.subject_at)
"""


def remember(*, source: str, links: Sequence[Link], now: datetime) -> None:
    """Keep what a request's events taught, in one statement.

    An address that is suppressed is not taken up. What claims to come from the future counts as of now,
    else nothing could ever correct it.

    Raises:
        InvalidEmail: one of the addresses is none.
    """
    if not links:
        return
    known = subjects.ensure_subjects(emails={link.email for link in links if link.email}, now=now)
    columns: dict[bytes, _Row] = {}
    present = [replace(link, at=min(link.at, now)) for link in links]
    for link in sorted(present, key=lambda link: (link.at, bool(link.account))):
        columns.setdefault(_hash(source, link.key), _Row()).learn(link, known.get(link.email))
    hashes = sorted(columns)
    rows = [columns[digest] for digest in hashes]
    with connection.cursor() as cursor:
        cursor.execute(
            _REMEMBER,
            [
                source,
                hashes,
                [json.dumps(row.account) if row.account else None for row in rows],
                [row.account_at for row in rows],
                [row.subject_id for row in rows],
                [row.subject_at for row in rows],
            ],
        )


def look_up(*, source: str, keys: Collection[str], actor: str, now: datetime) -> dict[str, Known]:
    """Return what is known of these ids, those without anything left out; opens addresses, audited."""
    hashes = {_hash(source, key): key for key in keys}
    rows = list(KnownReference.objects.filter(source=source, key_hash__in=list(hashes)))
    persons = {row.subject_id for row in rows if row.subject_id}
    addresses = (
        subjects.get_address(subject_ids=persons, actor=actor, purpose=_PURPOSE, now=now) if persons else {}
    )
    return {
        hashes[bytes(row.key_hash)]: Known(
            account=row.account or {}, email=addresses.get(row.subject_id, "") if row.subject_id else ""
        )
        for row in rows
    }


def forget_subject(subject_id: UUID) -> None:
    """Forget which ids of other systems a person has."""
    KnownReference.objects.filter(subject_id=subject_id).update(subject_id=None, subject_at=None)


class _Row:
    """The columns of one id, folded from all that a request taught about it."""

    def __init__(self) -> None:
        self.account: dict[str, str] | None = None
        self.account_at: datetime | None = None
        self.subject_id: UUID | None = None
        self.subject_at: datetime | None = None

    def learn(self, link: Link, subject_id: UUID | None) -> None:
        if link.account is not None:
            self.account, self.account_at = dict(link.account) or None, link.at
        if subject_id is not None:
            self.subject_id, self.subject_at = subject_id, link.at


def _hash(source: str, key: str) -> bytes:
    return hmac.digest(settings.SIGNAL_HASH_KEY, f"{source}\x00{key}".encode(), hashlib.sha256)
