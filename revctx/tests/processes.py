"""The product's own processes, started by tests against the test services, to be killed and watched."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from revctx.devstack import children
from revctx.devstack.paths import PROJECT_ROOT
from revctx.devstack.ports import LOOPBACK
from revctx.devstack.processes import list_processes
from revctx.eventbus.tasks import sweep

SWEEP_SECONDS = 1.0


@dataclass
class Processes:
    """Processes by the names of `make run`; the caller sends beat's hints through `wait_for`."""

    folder: Path
    sandbox_port: int
    web_port: int = 1
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def sandbox_url(self) -> str:
        """Return where the sandbox listens once it is started."""
        return f"http://{LOOPBACK}:{self.sandbox_port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return the test services' addresses, with the sandbox as every provider."""
        return {
            **os.environ,
            "OUTREACH_BASE_URL": f"{self.sandbox_url}/api/v2",
            "ENRICHMENT_BASE_URL": f"{self.sandbox_url}/v2",
            "LOG_LEVEL": "INFO",
            "LOG_FORMAT": "text",
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, *names: str) -> None:
        """Start processes that do not run."""
        specs = {
            spec.name: spec for spec in list_processes(web_port=self.web_port, sandbox_port=self.sandbox_port)
        }
        for name in names:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.running[name] = children.spawn(
                    specs[name].command, output=log, env=self.environment, cwd=PROJECT_ROOT
                )

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        process = self.running.pop(name)
        assert process.poll() is None, f"{name} had ended by itself:\n{self.tails()}"
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End them all; what they started goes with them."""
        for process in self.running.values():
            children.send(process, signal.SIGTERM)
        for process in self.running.values():
            children.stop(process, seconds=5)
        self.running.clear()

    def wait_for(
        self, what: str, reached: Callable[[], bool], *, seconds: float, poll_seconds: float = 0.1
    ) -> None:
        """Poll until something is reached; meanwhile do beat's sweep, and notice who has ended."""
        deadline, swept_at = time.monotonic() + seconds, 0.0
        while not reached():
            now = time.monotonic()
            ended = [name for name, process in self.running.items() if process.poll() is not None]
            assert not ended, f"{ended} ended while waiting for {what}:\n{self.tails()}"
            assert now < deadline, f"{what}: not within {seconds} s\n{self.tails()}"
            if now - swept_at > SWEEP_SECONDS:
                swept_at = now
                sweep()
            time.sleep(poll_seconds)

    def tails(self) -> str:
        """Return the last lines of every process' log."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.stem}\n{log.read_text(errors='replace')[-1500:]}" for log in logs)
