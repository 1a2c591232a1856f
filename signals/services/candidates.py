"""Drafts on their way into the store: with id, subject, key and fingerprint."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

from compliance import subjects
from revctx.keyed_hash import make_keyed_hash
from signals.identifiers import new_signal_ids
from signals.normalization import NormalizedSignal, comparable, without_person


class Candidate(NamedTuple):
    """A signal that is about to be stored, unless its event is known already.

    `reported` holds all that the source said; `signal` what may be stored of it, which is without the
    person when the address is suppressed. `key` is the source and the keyed hash of the natural key, which
    may hold an address.
    """

    signal_id: UUID
    reported: NormalizedSignal
    signal: NormalizedSignal
    subject_id: UUID | None
    key: tuple[str, bytes]
    fingerprint: bytes


def make_candidates(
    *, reported: Sequence[NormalizedSignal], now: datetime
) -> tuple[list[Candidate], subjects.HeldKeys]:
    """Give each signal an id and its subject; a suppressed person is dropped here.

    Returns the candidates and the keys of their subjects, who stay locked against erasure until the
    caller's transaction ends.
    """
    emails = {signal.person.email for signal in reported if signal.person}
    known = subjects.ensure_subjects(emails=emails, now=now) if emails else {}
    stored = [_storable(signal, known) for signal in reported]
    held = subjects.hold_keys(subject_ids=[subject_id for _, subject_id in stored], now=now)
    fingerprints = held.fingerprint([(subject_id, comparable(signal)) for signal, subject_id in stored])
    keyed_hash = make_keyed_hash(settings.SIGNAL_HASH_KEY)
    candidates = [
        Candidate(
            signal_id=signal_id,
            reported=original,
            signal=signal,
            subject_id=subject_id,
            key=(signal.source, keyed_hash(f"{signal.source}\x00{signal.natural_key}".encode())),
            fingerprint=fingerprint,
        )
        for signal_id, original, (signal, subject_id), fingerprint in zip(
            new_signal_ids(received_at=now, count=len(stored)), reported, stored, fingerprints, strict=True
        )
    ]
    return candidates, held


def _storable(reported: NormalizedSignal, known: Mapping[str, UUID]) -> tuple[NormalizedSignal, UUID | None]:
    if reported.person is None:
        return reported, None
    subject_id = known.get(reported.person.email)
    return (reported if subject_id else without_person(reported)), subject_id
