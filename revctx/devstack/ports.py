"""Loopback ports: find free ones, and wait until a server listens."""

import errno
import socket
import time
from collections.abc import Callable

LOOPBACK = "127.0.0.1"


class ServiceError(RuntimeError):
    """A service did not start, did not stop, or may not start here."""


def is_free(port: int, *, host: str = LOOPBACK) -> bool:
    """Tell whether nobody listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def free_port() -> int:
    """Return a port that the kernel considers free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """Return distinct free ports, held together so that the kernel cannot repeat one."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def wait_until(answers: Callable[[], bool], *, what: str, alive: Callable[[], bool], seconds: float) -> None:
    """Poll until ``answers`` is true.

    Raises:
        ServiceError: the process behind it ended, or the time is over.
    """
    deadline = time.monotonic() + seconds
    pause = 0.01
    while not answers():
        if not alive():
            raise ServiceError(f"{what} ended while starting")
        if time.monotonic() > deadline:
            raise ServiceError(f"{what} did not answer within {seconds:.0f} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
