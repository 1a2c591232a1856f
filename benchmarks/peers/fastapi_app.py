"""The asynchronous design: FastAPI, asyncpg and aiokafka, one transaction a signal with its audit row.

Written as its friends would: uvloop, a pool, prepared statements (asyncpg keeps them by connection), tokens
cached for good, and a producer that batches and is not waited for, which promises less than our outbox. It
stores no more than the plain row: nothing is sealed, nobody looks for other versions of the same event.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaProducer
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

INSERT_SIGNAL = """
INSERT INTO peer.signals
    (id, received_at, occurred_at, source, type, external_id, account, strength, attributes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (source, external_id) DO NOTHING RETURNING id
"""
FIND_SIGNAL = "SELECT id FROM peer.signals WHERE source = $1 AND external_id = $2"
INSERT_AUDIT = """
INSERT INTO peer.audit_logs (id, recorded_at, name, actor, target_type, target_id, request_id, payload)
VALUES ($1, $2, 'signal.ingested', $3, 'signal', $4, $5, $6)
"""
FIND_TOKEN = "SELECT actor FROM peer.tokens WHERE digest = $1"  # noqa: S105


class Signal(BaseModel):
    """The body, with the same limits as ours."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    type: Annotated[str, Field(min_length=1, max_length=64)]
    external_id: Annotated[str, Field(min_length=1, max_length=500)]
    occurred_at: AwareDatetime
    account: dict[str, str]
    strength: Annotated[float, Field(gt=0, le=10)] = 1.0
    attributes: dict[str, Any] = {}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the pool and the producer."""
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=8, max_size=16)
    app.state.producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"], acks="all", linger_ms=5
    )
    await app.state.producer.start()
    app.state.tokens = {}
    yield
    await app.state.producer.stop()
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)


async def find_actor(request: Request, authorization: Annotated[str, Header()]) -> str:
    """Return whose token it is; a token that was seen once is not looked up again."""
    digest = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).digest()
    tokens: dict[bytes, str] = request.app.state.tokens
    if digest not in tokens:
        actor = await request.app.state.pool.fetchval(FIND_TOKEN, digest)
        if actor is None:
            raise HTTPException(401)
        tokens[digest] = actor
    return tokens[digest]


@app.post("/api/signals", status_code=202)
async def post_signal(
    signal: Signal, request: Request, actor: Annotated[str, Depends(find_actor)]
) -> dict[str, str]:
    """Store a signal and its audit row in one transaction, then publish it."""
    signal_id, now, request_id = uuid4(), datetime.now(UTC), uuid4().hex
    account, attributes = json.dumps(signal.account), json.dumps(signal.attributes)
    row = (signal_id, now, signal.occurred_at, signal.source, signal.type, signal.external_id)
    digest = hashlib.sha256(repr((*row, account, attributes)).encode()).hexdigest()
    payload = json.dumps({"source": signal.source, "type": signal.type, "sha256": digest})
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        stored = await connection.fetchval(INSERT_SIGNAL, *row, account, signal.strength, attributes)
        if stored is None:
            first = await connection.fetchval(FIND_SIGNAL, signal.source, signal.external_id)
            return {"id": str(first), "status": "duplicate"}
        await connection.execute(INSERT_AUDIT, uuid4(), now, actor, str(signal_id), request_id, payload)
    event = {"signal_id": str(signal_id), "source": signal.source, "type": signal.type}
    key = next(iter(signal.account.values())).encode()
    await request.app.state.producer.send("signal.ingested", json.dumps(event).encode(), key=key)
    return {"id": str(signal_id), "status": "accepted"}
