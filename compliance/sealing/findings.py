"""What a verification found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

MOST_FINDINGS = 100
# What no verification can see, whatever it finds; printed with every report.
NOT_COVERED = (
    "a row changed before it was sealed and before its copy left the database (about 0.1 s)",
    "an event that was never recorded leaves no trace",
    "database, signing key and anchors changed together by one person",
)


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was sealed.

    ``kind`` is a code; ``index`` the leaf's place; ``event_id`` the audit event, where one can be named.
    """

    kind: str
    detail: str
    index: int | None = None
    event_id: str | None = None

    def __str__(self) -> str:
        place = f" at leaf {self.index}" if self.index is not None else ""
        event = f" (event {self.event_id})" if self.event_id else ""
        return f"{self.kind}{place}{event}: {self.detail}"


@dataclass
class Report:
    """The result: sound when there is no finding."""

    size: int = 0
    root: str = ""
    rows: int = 0
    copied: int = 0
    retired: dict[str, int] = field(default_factory=dict)
    pending: int = 0
    key_id: str = ""
    trust: str = ""
    anchored_size: int = 0
    is_anchored: bool = False
    findings: list[Finding] = field(default_factory=list)
    finding_count: int = 0

    @property
    def is_sound(self) -> bool:
        """Tell whether everything is as it was sealed."""
        return not self.finding_count

    @property
    def first(self) -> Finding | None:
        """Return the first bad row, else the first finding of another kind."""
        ranked = sorted(
            self.findings,
            key=lambda found: (found.event_id is None, found.index is None, found.index or 0),
        )
        return next(iter(ranked), None)

    def add(self, finding: Finding) -> None:
        """Take a finding; beyond a hundred they are only counted."""
        self.finding_count += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)

    def _say_uncopied(self) -> str:
        return (
            f"{self.size - self.copied} of {self.size} rows left no copy in Kafka before their seal: had one"
            " been changed before it was sealed (about a second), it would be sealed as changed"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        first = self.first
        return asdict(self) | {
            "sound": self.is_sound,
            "first": asdict(first) if first else None,
            "not_covered": [
                *NOT_COVERED,
                *([] if self.copied >= self.size else [self._say_uncopied()]),
                *([] if self.is_anchored else ["rows cut off at the end: no anchors"]),
            ],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Report:
        """Read what ``to_json`` wrote."""
        names = cls.__dataclass_fields__
        kept = {name: value for name, value in values.items() if name in names}
        return cls(**(kept | {"findings": [Finding(**found) for found in kept["findings"]]}))
