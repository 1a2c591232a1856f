"""One running stack per checkout."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO


class AlreadyRunning(RuntimeError):
    """Another supervisor holds the lock."""


@dataclass
class InstanceLock:
    """A lock file that names its holder; the kernel frees it when the holder dies, however it dies."""

    path: Path
    _file: IO[str] | None = None

    def acquire(self, *, label: str) -> None:
        """Take the lock and write our process id and a label into it.

        Raises:
            AlreadyRunning: a living process holds it.
        """
        file = self.path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder, _, address = self._read().partition(" ")
            file.close()
            raise AlreadyRunning(
                f"Revctx is already running here at {address} (process {holder}). "
                f"Stop it with Ctrl-C in its window, or with: kill {holder}"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()} {label}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock up; harmless if we do not hold it."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None

    def _read(self) -> str:
        return self.path.read_text().strip()
