"""The table on the screen and the file of results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure

HEADS = ("measure", "ours", "peer", "unit", "ratio", "target", "")
LEFT = {0, 3, 6}
VERDICTS = {True: "met", False: "MISSED", None: ""}
RESULTS = Path(__file__).with_name("results.json")
MACHINE = "machine"


def write_results(
    path: Path, *, machine: Mapping[str, Any], entries: Mapping[str, Mapping[str, Any]]
) -> None:
    """Replace what was measured anew and keep the rest: one key a measure, and ``machine``."""
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    merged = {**kept, **entries}
    ordered = {MACHINE: dict(machine)} | {name: merged[name] for name in sorted(merged) if name != MACHINE}
    path.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def render_table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table, and below it what was compared with what."""
    rows = [HEADS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = [
        "  ".join(
            cell.ljust(width) if column in LEFT else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join([*lines, "", *(line for figure in figures for line in _notes(figure))])


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        _number(figure.ours),
        "" if figure.peer is None else _number(figure.peer),
        figure.unit,
        "" if figure.ratio is None else f"{figure.ratio:.2f}×",
        str(figure.target or ""),
        VERDICTS[figure.is_met],
    )


def _notes(figure: Figure) -> list[str]:
    compared = f"{figure.ours_is}; peer: {figure.peer_is}" if figure.peer_is else figure.ours_is
    conditions = ", ".join(f"{name} {value}" for name, value in figure.conditions.items())
    return [f"{figure.name}: {figure.what}", f"    ours: {compared}", f"    {conditions}"]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
