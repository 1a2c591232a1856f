"""A steady load of single signals on a web process, which repeats each until it is acknowledged."""

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from revctx.devstack.ports import LOOPBACK

THREADS = 4
PAUSE_SECONDS = 0.02  # between two posts of a thread, and before a repetition
TIMEOUT_SECONDS = 30
TYPES = ("page_view", "pricing_page_view", "demo_requested", "trial_started")


@dataclass
class Load:
    """What was sent and what was answered; times in seconds."""

    port: int
    token: str
    acknowledged: dict[str, str] = field(default_factory=dict)  # external id → signal id
    answers: Counter[str] = field(default_factory=Counter)
    refused_since: float | None = None
    longest_refusal: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start sending."""
        self.threads = [threading.Thread(target=self._send, args=(number,)) for number in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Stop when what was begun is acknowledged."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _send(self, number: int) -> None:
        sent = 0
        while not self.stopping.is_set():
            name = f"load-{number}-{sent}"
            while not self._post(name, sent):
                time.sleep(PAUSE_SECONDS)
            sent += 1
            time.sleep(PAUSE_SECONDS)

    def _post(self, name: str, sent: int) -> bool:
        """Send a signal once; tell whether it was acknowledged."""
        began = time.monotonic()
        try:
            status, body = self._exchange(name, sent)
        except (OSError, http.client.HTTPException) as error:
            status, body = 0, type(error).__name__.encode()
        now = time.monotonic()
        with self.lock:
            self.answers[str(status) if status else body.decode()] += 1
            if status != 202:
                self.refused_since = self.refused_since or began
                return False
            if self.refused_since is not None:
                self.longest_refusal = max(self.longest_refusal, now - self.refused_since)
                self.refused_since = None
            self.acknowledged[name] = json.loads(body)["id"]
            return True

    def _exchange(self, name: str, sent: int) -> tuple[int, bytes]:
        signal = {
            "source": "api",
            "type": TYPES[sent % len(TYPES)],
            "external_id": name,
            "occurred_at": (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=sent)).isoformat(),
            "account": {"crm_id": f"load-account-{sent % 20}"},
        }
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", "/api/signals", json.dumps(signal), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
