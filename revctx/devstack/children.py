"""Child processes that never outlive their parent."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

LAUNCHER = Path(__file__).with_name("launcher.py")


def spawn(
    command: Sequence[str],
    *,
    output: int | IO[bytes],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own.

    Call it from a thread that lives as long as the parent: on Linux the kernel sends
    ``death_signal`` when the thread that forked ends.
    """
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER)]
    orders = [str(os.getpid()), str(int(death_signal)), user or "-"]
    return subprocess.Popen(
        [*launcher, *orders, *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env) if env is not None else None,
        cwd=cwd,
        start_new_session=True,
    )


def stop(
    process: subprocess.Popen[bytes], *, seconds: float = 10.0, first: signal.Signals = signal.SIGTERM
) -> bool:
    """Ask a child to end, then make it; return whether it ended by itself."""
    send(process, first)
    return finish(process, seconds=seconds)


def finish(process: subprocess.Popen[bytes], *, seconds: float) -> bool:
    """Wait for a child that was asked to end, then kill its session; return whether it ended by itself."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        kill_group(process)
        process.wait()
        return False
    kill_group(process)
    return True


def send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the child alone; what it started is its own to stop."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the child's session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Tell whether a process of that id exists, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_for_end(pid: int, *, seconds: float) -> bool:
    """Wait for a process that is not our child; return whether it has ended."""
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
