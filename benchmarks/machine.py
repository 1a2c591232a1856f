"""Where the figures come from: a ratio travels between machines, a rate does not."""

from __future__ import annotations

import math
import os
import platform
import time
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

COMMITS = 30


def describe(connection: psycopg.Connection, *, now: datetime) -> dict[str, Any]:
    """Return the machine's facts; ``commit_ms`` is the bare cost of one durable commit there."""
    [version] = connection.execute("SHOW server_version").fetchone() or [""]
    [fsync] = connection.execute("SHOW fsync").fetchone() or [""]
    return {
        "date": f"{now:%Y-%m-%d}",
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "postgresql": version,
        "fsync": fsync,
        "commit_ms": round(measure_commit(connection) * 1000, 2),
    }


def measure_commit(connection: psycopg.Connection) -> float:
    """Return the median seconds of a commit of one row; needs autocommit."""
    connection.execute("CREATE TABLE IF NOT EXISTS bench_commit (at float8)")
    seconds = []
    for _ in range(COMMITS):
        began = time.perf_counter()
        connection.execute("INSERT INTO bench_commit VALUES (1)")
        seconds.append(time.perf_counter() - began)
    connection.execute("DROP TABLE bench_commit")
    return median(seconds)


def read_cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used; NaN where the system has no /proc to tell it."""
    path = Path(f"/proc/{pid}/stat")
    if not path.exists():
        return math.nan
    fields = path.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_load() -> float:
    """Return how many processes wanted a core in the last minute, other people's included."""
    return round(os.getloadavg()[0], 2)
