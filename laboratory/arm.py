"""One configuration over a replay: what it would have made hot, and when. Pure.

Scores are taken as production takes them: over all that counts for an account at that moment, the band held
by dwell and cool-down. Between two events of an account time alone may end its hot band, or its cool-down
while the score is high enough; production's sweep finds that within a minute, here it is found at once.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from contexts import scoring
from contexts.bands import PastBand
from contexts.scoring import HOT, DecayConfigData, ScoreState, WeightConfigData
from laboratory.comparison import Crossing
from laboratory.identity import Identity
from laboratory.manifest import ReplayedChange, ReplayedSignal

# At `hot_until` the score is not below the level yet, a second later it is.
SETTLE = timedelta(seconds=1)
COLD = scoring.BANDS[0]
Bands = Mapping[str, str]


class Window(NamedTuple):
    """Crossings count from `start` (None: from the first signal) to `end`, both included."""

    start: datetime | None
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Tell whether a crossing at this time counts."""
        return (self.start is None or self.start <= at) and at <= self.end


@dataclass
class _Standing:
    """Where an account stands since it was last scored; `newest` is its last signal with its time."""

    past: PastBand = field(default_factory=PastBand)
    hot_until: datetime | None = None
    scored_at: datetime | None = None
    newest: tuple[datetime, str] | None = None
    peak: float = 0.0

    def retire(self, at: datetime) -> None:
        """Empty it, as the account now counts for another."""
        self.past = PastBand(COLD, at if self.past.band == HOT else self.past.crossed_at)
        self.hot_until, self.scored_at = None, at

    def find_due(self, cool_down: timedelta) -> datetime | None:
        """Return when time alone may change the hot band; None when it can't."""
        if self.past.band == HOT:
            return self.hot_until + SETTLE if self.hot_until else None
        if self.past.crossed_at is None or self.scored_at is None:
            return None
        over = self.past.crossed_at + cool_down
        return over if over > self.scored_at else None


class Arm:
    """One configuration with everything it has seen so far."""

    def __init__(self, config: Mapping[str, Any], window: Window) -> None:
        """Read `{"decay": …, "weight": …}`, the form in which experiments keep configurations."""
        self.decay = DecayConfigData.from_dict(config["decay"])
        self.weight = WeightConfigData.from_dict(config["weight"])
        self.crossings: list[Crossing] = []
        self._window = window
        self._cool_down = timedelta(seconds=self.weight.cool_down_seconds)
        self._identity = Identity()
        self._evidence: dict[str, ScoreState] = defaultdict(ScoreState)
        self._standings: dict[str, _Standing] = defaultdict(_Standing)
        self._places: dict[str, set[str]] = defaultdict(set)  # person → accounts with evidence of theirs
        self._before: dict[str, dict[str, str]] = {}  # merge → bands that it found

    def take(self, event: ReplayedSignal | ReplayedChange) -> None:
        """Take in what comes next; note the crossing that it causes if crossings count by now."""
        if isinstance(event, ReplayedSignal):
            self._observe(event)
        else:
            self._change(event)

    def finish(self) -> None:
        """Let time pass to the window's end, and put the crossings into the order of time."""
        for account_id in sorted(self._standings):
            if self._identity.accounts.root(account_id) == account_id:
                self._pass_time(account_id, self._window.end)
        self.crossings.sort(key=lambda crossing: (crossing.at, crossing.account_id))

    def peak(self, account_id: str) -> float:
        """Return the highest intent (0…100) that an account reached while crossings counted."""
        standing = self._standings.get(account_id)
        return standing.peak if standing else 0.0

    def _observe(self, signal: ReplayedSignal) -> None:
        root = self._identity.accounts.root(signal.account_id)
        self._pass_time(root, signal.at)
        if not self._evidence[signal.account_id].observe(signal.id, self._place(signal)):
            return
        if signal.person:
            self._places[signal.person].add(signal.account_id)
        self._standings[root].newest = (signal.at, signal.id)
        self._judge(root, signal.at)

    def _change(self, change: ReplayedChange) -> None:
        """Take in a retraction, a merge or an undone one, and score whom it concerns."""
        concerned = self._find_concerned(change)
        for root in concerned:
            self._pass_time(root, change.at)
        if change.kind == "retracted":
            if self._evidence[change.target].retract(change.subject):
                self._judge_all(concerned, change.at, {})
        elif change.is_parting:
            memory = self._before.pop(change.id, {})
            self._identity.apply(change)
            self._judge_all({*concerned, *self._find_concerned(change)}, change.at, memory)
        else:
            self._before[change.id] = {root: self._standings[root].past.band for root in concerned}
            self._identity.apply(change)
            if change.kind == "accounts_joined":
                self._retire(change)
            self._judge_all(self._find_concerned(change), change.at, {})

    def _find_concerned(self, change: ReplayedChange) -> set[str]:
        """Return the roots whose evidence a change touches, as they stand."""
        accounts, persons = self._identity.accounts, self._identity.persons
        if change.kind == "retracted":
            return {accounts.root(change.target)}
        if change.kind.startswith("accounts"):
            return {accounts.root(change.subject), accounts.root(change.target)}
        group = {
            *persons.members(persons.root(change.subject)),
            *persons.members(persons.root(change.target)),
        }
        return {accounts.root(place) for person in group for place in self._places.get(person, ())}

    def _retire(self, change: ReplayedChange) -> None:
        survivor = self._identity.accounts.root(change.target)
        gone, kept = self._standings[change.subject], self._standings[survivor]
        gone.retire(change.at)
        kept.newest = max((one for one in (gone.newest, kept.newest) if one), default=None)

    def _pass_time(self, root: str, to: datetime) -> None:
        """Score an account at each moment up to `to` at which time alone may change its hot band."""
        standing = self._standings[root]
        while (due := standing.find_due(self._cool_down)) is not None and due <= to:
            self._judge(root, due)

    def _judge_all(self, roots: Collection[str], at: datetime, memory: Bands) -> None:
        for root in sorted(roots):
            self._judge(root, at, memory)

    def _judge(self, root: str, at: datetime, memory: Bands | None = None) -> None:
        """Score an account; hysteresis starts from its band, or from the one in `memory`."""
        standing = self._standings[root]
        score, was = self._score(root, at), standing.past
        previous = (memory or {}).get(root, was.band)
        band = score.choose_band(previous=previous, held_seconds=was.held_seconds(at))
        is_crossing = (band == HOT) != (was.band == HOT)
        standing.past = PastBand(band, at if is_crossing else was.crossed_at)
        entered_at = standing.past.entered_at
        standing.hot_until = score.stays_hot_until(entered_at=entered_at) if band == HOT else None
        standing.scored_at = at
        if not self._window.holds(at):
            return
        standing.peak = max(standing.peak, score.intent)
        # What falls and rises at one instant has not crossed.
        if is_crossing and band == HOT and standing.newest and was.crossed_at != at:
            self.crossings.append(Crossing(root, standing.newest[1], at, score.intent))

    def _place(self, signal: ReplayedSignal) -> scoring.Bucket:
        return scoring.place(
            signal_type=signal.type,
            stage=signal.stage,
            person=signal.person,
            occurred_at=signal.occurred_at,
            strength=signal.strength,
            decay=self.decay,
        )

    def _score(self, root: str, at: datetime) -> scoring.Score:
        return scoring.score(self._read(root), decay=self.decay, weight=self.weight, at=at)

    def _read(self, root: str) -> list[scoring.Bucket]:
        """Return all that counts for an account, each person's evidence under the survivor's name."""
        members = self._identity.accounts.members(root)
        if len(members) == 1 and not self._identity.persons:
            return self._evidence[root].buckets()
        folded = ScoreState()
        for member in members:
            for bucket in self._evidence[member].buckets() if member in self._evidence else ():
                folded.add(bucket._replace(person=self._identity.persons.root(bucket.person)))
        return folded.buckets()
