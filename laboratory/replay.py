"""Replay signals through two configurations at once, in the order in which they became known. Pure.

Every signal is scored at the moment from which production could have known it, and a retraction or a merge
counts from when it was recorded, so no decision looks ahead. A decision is an upward crossing of the
high-intent threshold, whatever caused it. What came of a decision is judged with all that the replay knows.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laboratory.arm import Arm, Window
from laboratory.comparison import Crossing
from laboratory.identity import Identity
from laboratory.manifest import ManifestDigest, ReplayedChange, ReplayedSignal, interleave

ADVANCES = frozenset({"opportunity_stage_changed", "opportunity_won"})
REPORT_EVERY = 1_000

Progress = Callable[[int], None]


@dataclass(frozen=True)
class ReplayResult:
    """What both arms decided, and over exactly which signals.

    Attributes:
        advances: per crossing account, when its deals advanced, up to the time that the replay knows.
        peaks: per crossing account, its highest intent under champion and challenger.
    """

    champion: list[Crossing]
    challenger: list[Crossing]
    advances: dict[str, list[datetime]]
    peaks: dict[str, tuple[float, float]]
    digest: ManifestDigest


class _Advances:
    """When the deals of accounts advanced, as is known at the end: without what was taken back."""

    def __init__(self, changes: Iterable[ReplayedChange]) -> None:
        self._retracted = {change.subject for change in changes if change.kind == "retracted"}
        self._by_account: dict[str, list[datetime]] = defaultdict(list)

    def note(self, signal: ReplayedSignal) -> None:
        """Keep the time of a signal that tells of an advance."""
        if signal.type in ADVANCES and signal.id not in self._retracted:
            self._by_account[signal.account_id].append(signal.occurred_at)

    def of(self, account_id: str, identity: Identity) -> list[datetime]:
        """Return the times of an account and of all that are one with it."""
        members = identity.accounts.members(identity.accounts.root(account_id))
        return sorted(at for member in members for at in self._by_account.get(member, ()))


def replay(
    *,
    signals: Iterable[ReplayedSignal],
    changes: Sequence[ReplayedChange] = (),
    champion: Mapping[str, Any],
    challenger: Mapping[str, Any],
    window: Window,
    report: Progress,
) -> ReplayResult:
    """Pass once over signals and changes, each given in the order of `manifest.order_of`, with both arms.

    What comes after the window's end is read for what came of the crossings, not scored.
    `report` is told the number of signals done, every thousand.
    """
    arms = (Arm(champion, window), Arm(challenger, window))
    digest, identity, advances = ManifestDigest(), Identity(), _Advances(changes)
    for event in interleave(signals, changes):
        digest.add(event)
        if isinstance(event, ReplayedChange):
            identity.apply(event)
        else:
            advances.note(event)
            if digest.count % REPORT_EVERY == 0:
                report(digest.count)
        if event.at <= window.end:
            for arm in arms:
                arm.take(event)
    for arm in arms:
        arm.finish()
    crossed = sorted({crossing.account_id for arm in arms for crossing in arm.crossings})
    return ReplayResult(
        champion=arms[0].crossings,
        challenger=arms[1].crossings,
        advances={account_id: advances.of(account_id, identity) for account_id in crossed},
        peaks={account_id: (arms[0].peak(account_id), arms[1].peak(account_id)) for account_id in crossed},
        digest=digest,
    )
