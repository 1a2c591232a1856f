"""Who counts as one at a moment of a replay: accounts, and persons. Pure.

Evidence keeps the account and the person that it came for, as in production; a merge changes how it is read,
so parting two leaves them as if they had never been one.
"""

from collections import defaultdict

from laboratory.manifest import ReplayedChange


class Forest:
    """Merges of one kind as edges to the survivor."""

    def __init__(self) -> None:
        """Start with everybody on their own."""
        self._survivors: dict[str, str] = {}
        self._merged: dict[str, set[str]] = defaultdict(set)

    def __bool__(self) -> bool:
        """Tell whether anybody is held for another."""
        return bool(self._survivors)

    def join(self, merged: str, survivor: str) -> None:
        """Hold one for another from now on; who is held for somebody already is first parted."""
        self.part(merged)
        self._survivors[merged] = survivor
        self._merged[survivor].add(merged)

    def part(self, merged: str) -> None:
        """Hold one for itself again, with all that was merged into it."""
        survivor = self._survivors.pop(merged, None)
        if survivor is not None:
            self._merged[survivor].discard(merged)

    def root(self, one: str) -> str:
        """Return whom one counts for, which is itself if it is not merged."""
        while one in self._survivors:
            one = self._survivors[one]
        return one

    def members(self, root: str) -> list[str]:
        """Return all that count for a root, itself first."""
        found = [root]
        for one in found:
            found += sorted(self._merged.get(one, ()))
        return found


class Identity:
    """Accounts and persons together."""

    def __init__(self) -> None:
        """Start with everybody on their own."""
        self.accounts = Forest()
        self.persons = Forest()

    def apply(self, change: ReplayedChange) -> None:
        """Take in a merge or its undoing; a retraction changes nobody."""
        if change.kind == "retracted":
            return
        forest = self.accounts if change.kind.startswith("accounts") else self.persons
        if change.is_parting:
            forest.part(change.subject)
        else:
            forest.join(change.subject, change.target)
