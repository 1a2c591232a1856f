"""Bodies of the endpoints of the sealed audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from compliance.models import AuditCheckpoint, AuditVerification
from compliance.sealing.tree import ConsistencyProof, InclusionProof
from revctx.api.schemas import ResponseModel

_HEX = "SHA-256, hex."


class CheckpointResponse(ResponseModel):
    """A signed seal; `note` is the text that was signed, with its signatures (C2SP signed note)."""

    tree_size: int
    root_hash: str = Field(description=_HEX)
    sealed_at: datetime
    key_id: str
    public_key: str = Field(
        description="The signing key as name+id+base64; compare it with the one you keep."
    )
    note: str

    @classmethod
    def of(cls, checkpoint: AuditCheckpoint, *, public_key: str) -> Self:
        """Print a checkpoint."""
        return cls(
            tree_size=checkpoint.size,
            root_hash=bytes(checkpoint.root).hex(),
            sealed_at=checkpoint.sealed_at,
            key_id=checkpoint.key_id,
            public_key=public_key,
            note=checkpoint.note,
        )


class InclusionProofResponse(ResponseModel):
    """That an event is in the sealed tree (RFC 9162 §2.1.3)."""

    event_id: UUID
    row: str | None = Field(
        description="What was hashed, after a zero byte: this line in UTF-8. Null: retired by retention."
    )
    leaf_hash: str = Field(description=_HEX)
    leaf_index: int
    tree_size: int
    proof: list[str]
    checkpoint: str

    @classmethod
    def of(cls, proof: InclusionProof) -> Self:
        """Print a proof."""
        return cls(**proof.describe())


class ConsistencyProofResponse(ResponseModel):
    """That an earlier tree begins a later one (RFC 9162 §2.1.4)."""

    first_size: int
    first_root: str = Field(description=_HEX)
    second_size: int
    second_root: str = Field(description=_HEX)
    proof: list[str]

    @classmethod
    def of(cls, proof: ConsistencyProof) -> Self:
        """Print a proof."""
        return cls(
            first_size=proof.first,
            first_root=proof.first_root.hex(),
            second_size=proof.second,
            second_root=proof.second_root.hex(),
            proof=[node.hex() for node in proof.hashes],
        )


class VerificationResponse(ResponseModel):
    """A verification: queued, running, sound or unsound. `done` of `total` leaves are verified."""

    id: UUID
    state: str
    requested_at: datetime
    finished_at: datetime | None
    done: int | None
    total: int | None
    report: dict[str, Any] | None

    @classmethod
    def of(cls, asked: AuditVerification) -> Self:
        """Print a verification."""
        report = asked.report or {}
        return cls(
            id=asked.id,
            state=asked.state,
            requested_at=asked.requested_at,
            finished_at=asked.finished_at,
            done=asked.progress.get("index", report.get("size")),
            total=asked.progress.get("size", report.get("size")),
            report=asked.report,
        )
