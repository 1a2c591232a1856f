"""Many signals of one request: what can be stored is, and each refusal names its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from revctx.observability.context import get_request_id
from signals.contracts import IngestResult, SignalDraft
from signals.normalization import InvalidDraft, normalize
from signals.selectors import get_catalogue
from signals.services.ingest import Arrival, store_each


@dataclass(frozen=True)
class Refusal:
    """Why a draft was not stored; `message` carries nothing of the draft."""

    code: str
    message: str


@dataclass
class BatchResult:
    """What became of a batch, by the index of each draft."""

    stored: dict[int, IngestResult] = field(default_factory=dict)
    refused: dict[int, Refusal] = field(default_factory=dict)

    def count(self, status: str) -> int:
        """Return how many drafts ended as `accepted`, `duplicate` or `conflict`."""
        return sum(result.status == status for result in self.stored.values())


def ingest_batch(*, drafts: Mapping[int, SignalDraft], actor: str, now: datetime) -> BatchResult:
    """Store the drafts that can be stored, one statement a table; `drafts` maps index to draft."""
    result = BatchResult()
    catalogue, request_id = get_catalogue(), get_request_id()
    arrivals: dict[int, Arrival] = {}
    for index, draft in drafts.items():
        try:
            signal = normalize(draft, now=now, catalogue=catalogue)
        except InvalidDraft as error:
            result.refused[index] = Refusal(error.code, f"{error.field}: {error.message}")
        else:
            arrivals[index] = Arrival(signal, actor, request_id)
    outcomes = store_each(arrivals=list(arrivals.values()), now=now)
    for index, outcome in zip(arrivals, outcomes, strict=True):
        if isinstance(outcome, Exception):
            result.refused[index] = Refusal("not_stored", "The database refused this signal; report it.")
        else:
            result.stored[index] = outcome
    return result
