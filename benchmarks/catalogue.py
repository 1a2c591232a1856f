"""Every measure by its name, and how the command line chooses among them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from benchmarks.figures import Figure

if TYPE_CHECKING:
    from benchmarks.stand import Stand

Run = Callable[["Stand"], Iterable[Figure]]


class UnknownMeasure(ValueError):
    """No measure has that name."""


@dataclass(frozen=True)
class Measure:
    """One module with a function ``run(stand)`` that yields figures named ``name`` or ``name.…``.

    The module is imported when it is its turn, for it may need Django ready. ``uses_broker`` is for those
    whose events go through Kafka.
    """

    name: str
    module: str
    uses_broker: bool = False

    def load(self) -> Run:
        """Import the module and return what measures."""
        return cast(Run, importlib.import_module(self.module).run)


MEASURES = (
    Measure("audit.throughput", "benchmarks.audit_throughput"),
    Measure("audit.verify", "benchmarks.audit_verify"),
    Measure("context.score_cost", "benchmarks.context_cost"),
    Measure("context.chunked", "benchmarks.context_chunked"),
    Measure("context.rescore", "benchmarks.context_rescore"),
    Measure("erasure.cost", "benchmarks.erasure_cost"),
    Measure("ingest.latency", "benchmarks.ingest_latency", uses_broker=True),
    Measure("ingest.scored", "benchmarks.ingest_scored", uses_broker=True),
    Measure("ingest", "benchmarks.ingest_rates", uses_broker=True),
)


def choose(wanted: Sequence[str], measures: Sequence[Measure] = MEASURES) -> list[Measure]:
    """Return the measures that are named, or whose name begins with a wanted part; all when none is wanted.

    Raises:
        UnknownMeasure: a name fits none.
    """
    for part in wanted:
        if not any(_fits(measure.name, part) for measure in measures):
            known = ", ".join(measure.name for measure in measures)
            raise UnknownMeasure(f"there is no measure {part!r}; there are: {known}")
    return [m for m in measures if not wanted or any(_fits(m.name, part) for part in wanted)]


def _fits(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")
