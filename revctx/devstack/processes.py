"""The product's processes, as `make run` starts them."""

import sys
from dataclasses import dataclass

from revctx.devstack.ports import LOOPBACK

# A worker stays away longer than its heartbeat lives (6 s), so that `/health/workers` shows its loss.
WORKER_PAUSE = 10.0
CELERY_WORKERS = {"context-engine": 3, "orchestration-engine": 2, "default": 1}
# Requests that wait for one commit share it, so as many should fit into a process as come at once.
WEB_THREADS = 32


@dataclass(frozen=True)
class ProcessSpec:
    """One process: what to run, when to start it, and how soon to start it again.

    Processes start by rising ``stage`` and stop by falling; seconds throughout.
    """

    name: str
    command: tuple[str, ...]
    stage: int
    restart_after: float = 1.0
    uses_broker: bool = False
    is_laboratory: bool = False


def list_processes(*, web_port: int, sandbox_port: int) -> list[ProcessSpec]:
    """Return all of them in starting order."""
    return [
        ProcessSpec("sandbox", _python("integrations.sandbox", "--port", str(sandbox_port)), 0),
        ProcessSpec("relay", _manage("relay"), 1, uses_broker=True),
        ProcessSpec("sealer", _manage("sealer"), 1),
        *(
            ProcessSpec(f"bridge-{group}", _manage("bridge", "--group", group), 1, uses_broker=True)
            for group in ("context-engine", "orchestration-engine")
        ),
        *_workers(),
        ProcessSpec("beat", _celery("beat", "--pidfile="), 2),
        ProcessSpec("lab-worker", _manage("lab_worker"), 2, is_laboratory=True),
        ProcessSpec("web", web_command(web_port), 3),
    ]


def _manage(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "manage.py", *arguments)


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _celery(*arguments: str) -> tuple[str, ...]:
    return _python("celery", "-A", "revctx", "--quiet", *arguments)


def _workers() -> list[ProcessSpec]:
    return [
        ProcessSpec(
            f"{queue}-{number}",
            _celery(
                "worker", "-Q", queue, "--pool", "solo", "-n", f"{queue}-{number}@%h",
                "--without-mingle", "--without-gossip", "--without-heartbeat",
            ),
            2,
            restart_after=WORKER_PAUSE,
        )
        for queue, count in CELERY_WORKERS.items()
        for number in range(1, count + 1)
    ]  # fmt: skip


def web_command(port: int) -> tuple[str, ...]:
    """Return the command of the web server on a port of loopback."""
    return _python(
        "granian", "--interface", "wsgi", "--host", LOOPBACK, "--port", str(port),
        "--workers", "1", "--blocking-threads", str(WEB_THREADS), "--respawn-failed-workers",
        "--no-ws", "--log-level", "error", "revctx.wsgi:application",
    )  # fmt: skip
