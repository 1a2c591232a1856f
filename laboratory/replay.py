"""Replay signals through two configurations at once, in the order in which they became known. Pure.

Every signal is scored at the moment from which production could have known it, so no decision
looks ahead. A decision is an upward crossing of the high-intent threshold; between signals an
intent only falls, so looking at an account just before its next signal finds each downward one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from contexts import scoring
from contexts.scoring import DecayConfigData, ScoreState, WeightConfigData
from laboratory.comparison import Crossing
from laboratory.manifest import ManifestDigest, ReplayedSignal

ADVANCES = frozenset({"opportunity_stage_changed", "opportunity_won"})
HOT = "hot"
REPORT_EVERY = 1_000

Progress = Callable[[int], None]


class Window(NamedTuple):
    """Crossings count from `start` (None: from the first signal) to `end`, both included."""

    start: datetime | None
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Tell whether a crossing at this time counts."""
        return (self.start is None or self.start <= at) and at <= self.end


@dataclass
class _Account:
    """An account as one arm sees it."""

    state: ScoreState = field(default_factory=ScoreState)
    band: str = scoring.BANDS[0]
    peak: float = 0.0


class Arm:
    """One configuration with everything it has seen so far."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Read `{"decay": …, "weight": …}`, the form in which experiments keep configurations."""
        self.decay = DecayConfigData.from_dict(config["decay"])
        self.weight = WeightConfigData.from_dict(config["weight"])
        self.crossings: list[Crossing] = []
        self._accounts: dict[str, _Account] = {}

    def observe(self, signal: ReplayedSignal, *, counts: bool) -> None:
        """Take in one signal; note the crossing that it causes if crossings count by now."""
        account = self._accounts.setdefault(signal.account_id, _Account())
        if account.band == HOT:
            account.band = self._band(account, self._score(account, signal.at).exact)
        if not account.state.observe(signal.id, self._place(signal)):
            return
        score = self._score(account, signal.at)
        before, account.band = account.band, self._band(account, score.exact)
        if not counts:
            return
        account.peak = max(account.peak, score.intent)
        if account.band == HOT != before:
            self.crossings.append(Crossing(signal.account_id, signal.id, signal.at, score.intent))

    def peak(self, account_id: str) -> float:
        """Return the highest intent (0…100) that an account reached while crossings counted."""
        account = self._accounts.get(account_id)
        return account.peak if account else 0.0

    def _place(self, signal: ReplayedSignal) -> scoring.Bucket:
        return scoring.place(
            signal_type=signal.type,
            stage=signal.stage,
            person=signal.person,
            occurred_at=signal.occurred_at,
            strength=signal.strength,
            decay=self.decay,
        )

    def _score(self, account: _Account, at: datetime) -> scoring.Score:
        return scoring.score(account.state.buckets(), decay=self.decay, weight=self.weight, at=at)

    def _band(self, account: _Account, exact: float) -> str:
        return scoring.choose_band(previous=account.band, exact=exact, weight=self.weight)


@dataclass(frozen=True)
class ReplayResult:
    """What both arms decided, and over exactly which signals.

    Attributes:
        advances: per account, when its deals advanced, up to the time that the replay knows.
        peaks: per crossing account, its highest intent under champion and challenger.
    """

    champion: list[Crossing]
    challenger: list[Crossing]
    advances: dict[str, list[datetime]]
    peaks: dict[str, tuple[float, float]]
    digest: ManifestDigest


def replay(
    *,
    signals: Iterable[ReplayedSignal],
    champion: Mapping[str, Any],
    challenger: Mapping[str, Any],
    window: Window,
    report: Progress,
) -> ReplayResult:
    """Pass once over the signals, given in the order of (`at`, `id`), with both arms.

    Signals after the window's end are read for what came of the crossings, not scored.
    `report` is told the number of signals done, every thousand.
    """
    arms = (Arm(champion), Arm(challenger))
    digest = ManifestDigest()
    advances: dict[str, list[datetime]] = {}
    for done, signal in enumerate(signals, start=1):
        digest.add(signal)
        if signal.type in ADVANCES:
            advances.setdefault(signal.account_id, []).append(signal.occurred_at)
        if signal.at <= window.end:
            for arm in arms:
                arm.observe(signal, counts=window.holds(signal.at))
        if done % REPORT_EVERY == 0:
            report(done)
    crossed = {crossing.account_id for arm in arms for crossing in arm.crossings}
    return ReplayResult(
        champion=arms[0].crossings,
        challenger=arms[1].crossings,
        advances=advances,
        peaks={account_id: (arms[0].peak(account_id), arms[1].peak(account_id)) for account_id in crossed},
        digest=digest,
    )
