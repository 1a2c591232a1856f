#!/usr/bin/env python3
"""Name the processes that a stack left behind (Linux).

    python .ci/leftovers.py MARKER

A process belongs to the stack when its environment holds MARKER, or when it works in this clone or
in the clone's folder below /var/lib (PostgreSQL overwrites its environment with its title).
Prints one line each and ends with 1 when there is any.
"""

import hashlib
import os
import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent
ROOT_FOLDER = Path("/var/lib") / f"revctx-{hashlib.sha256(str(CLONE).encode()).hexdigest()[:12]}"
STATE_FOLDERS = (str(CLONE / ".revctx"), str(ROOT_FOLDER))


def ancestors() -> set[int]:
    """Return this process and those that it descends from."""
    found, pid = set(), os.getpid()
    while pid > 0:
        found.add(pid)
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        pid = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:"))
    return found


def belongs(process: Path, marker: bytes) -> bool:
    """Tell whether a process is one of the stack's."""
    if marker in (process / "environ").read_bytes():
        return True
    places = (str((process / "cwd").readlink()), str((process / "exe").readlink()))
    return any(place.startswith(folder) for place in places for folder in STATE_FOLDERS)


def list_leftovers(marker: str) -> list[str]:
    """Return `pid command` of each process that is left."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) in ancestors():
            continue
        try:
            if belongs(process, marker.encode()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(f"{process.name} {command[:160]}")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended, or belongs to somebody else
    return found


if __name__ == "__main__":
    left = list_leftovers(sys.argv[1])
    print("\n".join(left), end="\n" if left else "")
    sys.exit(1 if left else 0)
