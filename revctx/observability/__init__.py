"""Metrics, logs, health and request ids."""

import os
import socket

from prometheus_client import values

if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    # Containers that share the folder all have a process 1, so the host is part of a file's name.
    values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
        lambda: f"{socket.gethostname()}-{os.getpid()}"
    )
