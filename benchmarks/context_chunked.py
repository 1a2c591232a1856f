"""How fast chunks of signals become scores on one connection, beside the bare upserts of the same rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.evidence import TYPES, batched
from benchmarks.figures import Figure, Target
from benchmarks.items import make_item
from benchmarks.rounds import take_turns
from benchmarks.stand import Stand
from contexts.scoring import place
from contexts.selectors import get_active
from contexts.services.ledger import LedgerRow, add_to_ledger
from contexts.services.work import apply_signals
from revctx.arrays import to_array
from signals.contracts import SignalDraft
from signals.services.ingest import ingest_signals

SIGNALS, SMALL_SIGNALS, ROUNDS = 40_000, 2_000, 3
CHUNK, ACCOUNTS = 2_000, 100
ACTOR = "system:bench"
_TOUCH = """
UPDATE account_contexts c SET intent_score = r.intent, version = c.version + 1, scored_at = %s
FROM unnest(%s::uuid[], %s::float8[]) AS r(account_id, intent) WHERE c.account_id = r.account_id
"""


def run(stand: Stand) -> Iterator[Figure]:
    """Score the signals of a round in chunks; then upsert as many ledger, bucket and score rows bare."""
    signals = stand.sizes.signals or (SMALL_SIGNALS if stand.small else SIGNALS)
    rounds = 1 if stand.small else ROUNDS
    dice = Random(1)  # noqa: S311 - nothing secret
    waiting = [_ingest(signals, dice) for _ in range(rounds)]
    _apply(_ingest(CHUNK, dice))  # accounts, connections and plans
    with stand.connect() as onlooker:
        onlooker.execute("VACUUM ANALYZE")
    compared = take_turns(
        ours=lambda: signals / _apply(waiting.pop()),
        peer=lambda: signals / _upsert(_plain_rows(signals, dice)),
        rounds=rounds,
    )
    yield Figure(
        name="context.chunked",
        what="stored signals that become scores, on one connection",
        unit="signals/s",
        ours=compared.ours,
        ours_is="identity, ledger, buckets, scores, bands, audit and events of each chunk, committed",
        peer=compared.peer,
        peer_is="the same numbers of ledger, bucket and score rows upserted set by set, and nothing else",
        ratio=compared.ratio,
        target=Target("ratio", "least", 0.5),
        conditions={"signals": signals, "chunk": CHUNK, "accounts": ACCOUNTS, "rounds": rounds},
        details=compared.to_json(),
    )


def _ingest(signals: int, dice: Random) -> list[UUID]:
    now, ids = timezone.now(), []
    for numbers in batched(range(signals), CHUNK):
        drafts = [_draft(dice, now) for _ in numbers]
        ids += [result.signal_id for result in ingest_signals(drafts=drafts, actor=ACTOR, now=now)]
    return ids


def _draft(dice: Random, now: datetime) -> SignalDraft:
    return SignalDraft(
        source="web",
        type=dice.choice(TYPES),
        external_id=str(uuid4()),
        occurred_at=now - timedelta(days=30) * dice.random(),
        account={"crm_id": f"bench-{dice.randrange(ACCOUNTS)}"},
        person=None,
    )


def _apply(signal_ids: Sequence[UUID]) -> float:
    """Return the seconds that scoring takes, a transaction a chunk; the items are there before."""
    now = timezone.now()
    items = [make_item(number, signal_id, now) for number, signal_id in enumerate(signal_ids)]
    began = time.perf_counter()
    for some in batched(items, CHUNK):
        with transaction.atomic():
            apply_signals(items=some, now=timezone.now())
    return time.perf_counter() - began


def _plain_rows(signals: int, dice: Random) -> list[LedgerRow]:
    """Return rows like those that scoring writes; made before the clock starts."""
    now, decay = timezone.now(), get_active().decay
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id FROM account_contexts")
        account_ids = [account_id for (account_id,) in cursor.fetchall()]
    rows = []
    for _ in range(signals):
        kind, at = dice.choice(TYPES), now - timedelta(days=30) * dice.random()
        bucket = place(signal_type=kind, stage="", person="", occurred_at=at, strength=1.0, decay=decay)
        rows.append(
            LedgerRow(
                signal_id=uuid4(),
                account_id=dice.choice(account_ids),
                subject_id=None,
                occurred_at=at,
                strength=1.0,
                recorded_at=now,
                bucket=bucket,
            )
        )
    return rows


def _upsert(rows: list[LedgerRow]) -> float:
    decay_id = get_active().decay_id
    began = time.perf_counter()
    for some in batched(rows, CHUNK):
        account_ids = sorted({row.account_id for row in some})
        with transaction.atomic():
            add_to_ledger(rows=some, decay_id=decay_id)
            with connection.cursor() as cursor:
                cursor.execute(
                    _TOUCH, [timezone.now(), to_array(account_ids), to_array([50.0 for _ in account_ids])]
                )
    return time.perf_counter() - began
