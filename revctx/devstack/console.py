"""What the person at the terminal sees: our own words, and what the processes complain about."""

import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LOUD_LEVELS = {"warning", "error", "critical", "exception"}
LOUD_WORD = re.compile(r"\b(WARNING|ERROR|CRITICAL|WARN|FATAL)\b|^Traceback ", re.IGNORECASE)
HIDDEN_FIELDS = {"event", "level", "logger", "timestamp", "exception"}
LONGEST_LINE = 240
LARGEST_LOG = 50_000_000  # bytes


def say(text: str = "") -> None:
    """Print a line of our own."""
    print(text, flush=True)  # noqa: T201


def complain(text: str) -> None:
    """Print an error of our own."""
    print(f"\n  {text}\n", file=sys.stderr, flush=True)  # noqa: T201


def summarise(line: str) -> str | None:
    """Return a warning or error in one short line; None for anything calmer."""
    try:
        record = json.loads(line)
    except ValueError:
        return line[:LONGEST_LINE] if LOUD_WORD.search(line) else None
    if not isinstance(record, dict) or str(record.get("level", "")).lower() not in LOUD_LEVELS:
        return None
    parts = [f"{name}={value}" for name, value in record.items() if name not in HIDDEN_FIELDS]
    last = str(record.get("exception", "")).strip().rsplit("\n", 1)[-1]
    return " ".join([record["level"], str(record.get("event", "")), *parts, last]).strip()[:LONGEST_LINE]


@dataclass
class LogFollower:
    """Reads what is new in the log files and prints what matters, or everything."""

    show_all: bool = False
    _positions: dict[Path, int] = field(default_factory=dict)

    def follow(self, path: Path) -> None:
        """Follow a file from its present end."""
        self._positions[path] = path.stat().st_size if path.exists() else 0

    def print_new(self) -> None:
        """Print what came since the last call, and cut off files that have grown too large."""
        for path in self._positions:
            for line in self._read_new(path):
                text = line if self.show_all else summarise(line)
                if text:
                    say(f"{time.strftime('%H:%M:%S')} {path.stem:<27}| {text}")

    def _read_new(self, path: Path) -> Iterator[str]:
        if not path.exists():
            return
        size = path.stat().st_size
        start = self._positions[path] if self._positions[path] <= size else 0
        if size == start:
            return
        with path.open("rb") as file:
            file.seek(start)
            block = file.read()
        complete = block[: block.rfind(b"\n") + 1]
        self._positions[path] = start + len(complete)
        yield from complete.decode(errors="replace").splitlines()
        if size > LARGEST_LOG:
            rotate(path)
            self._positions[path] = 0


def rotate(path: Path) -> None:
    """Keep the file's content beside it and empty it; its writers append, so they go on."""
    shutil.copyfile(path, path.with_suffix(".1.log"))
    with path.open("r+b") as file:
        file.truncate(0)


def last_lines(path: Path, count: int = 5) -> list[str]:
    """Return the end of a log file."""
    if not path.exists():
        return []
    return path.read_text(errors="replace").splitlines()[-count:]
