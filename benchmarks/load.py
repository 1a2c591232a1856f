"""A load generator that costs little: one thread, epoll, keep-alive, bodies made in advance.

    python benchmarks/load.py URL --connections 64 --seconds 10 [--batch 1000] < headers.json
    python benchmarks/load.py URL --rate 300 --trace FILE < headers.json

Every connection sends its next request as soon as it has read the last answer (closed loop), each signal
unique. With a rate, requests are due at even intervals whatever the answers do (open loop), a time to the
answer counts from the moment a request was due, and the trace tells each signal's id and that moment.
Prints JSON: requests a second, signals a second, latency percentiles in milliseconds, statuses.
"""

import argparse
import json
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

DOMAINS = 5_000  # accounts that the signals are spread over
Body = Callable[[], bytes]


class Connection:
    """One keep-alive connection with a request on its way."""

    __slots__ = ("buffer", "due_at", "head_end", "length", "socket", "status", "unsent")

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.buffer, self.unsent = bytearray(), b""
        self.head_end, self.length, self.status, self.due_at = -1, 0, 0, 0.0

    def send(self, request: bytes, *, due_at: float | None = None) -> None:
        """Send a request, or as much of it as the kernel takes now."""
        self.due_at = time.perf_counter() if due_at is None else due_at
        self.buffer.clear()
        self.head_end = -1
        self.unsent = request[self._push(request) :]

    def push_rest(self) -> bool:
        """Send more of what did not fit; return whether all is sent."""
        self.unsent = self.unsent[self._push(self.unsent) :]
        return not self.unsent

    def _push(self, data: bytes) -> int:
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0

    def receive(self) -> bool:
        """Read what is there; return whether the answer is complete.

        Raises:
            ConnectionError: the server closed the connection.
        """
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.buffer += data
        if self.head_end < 0:
            self.head_end = self.buffer.find(b"\r\n\r\n")
            if self.head_end < 0:
                return False
            self.status = int(self.buffer[9:12])
            self.length = _content_length(bytes(self.buffer[: self.head_end]).lower())
        return len(self.buffer) >= self.head_end + 4 + self.length

    def body(self) -> bytes:
        """Return the answer's body."""
        return bytes(self.buffer[self.head_end + 4 :])


def _content_length(head: bytes) -> int:
    place = head.find(b"content-length:")
    if place < 0:
        raise ValueError(f"an answer without Content-Length: {head!r}")
    return int(head[place + 15 :].split(b"\r\n", 1)[0])


def make_signals(*, prefix: str) -> Iterator[bytes]:
    """Yield unique signals as JSON objects: a page view of a visitor of one of 5,000 companies."""
    occurred_at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for number in count():
        yield (
            b'{"source":"web","type":"pricing_page_view","external_id":"%s-%d","occurred_at":"%s",'
            b'"account":{"domain":"company-%d.example"},"strength":1.5,"attributes":{"count":3}}'
            % (prefix.encode(), number, occurred_at.encode(), number % DOMAINS)
        )


def make_bodies(*, batch: int) -> Iterator[bytes]:
    """Yield request bodies: single signals when `batch` is 0, else arrays of that many."""
    signals = make_signals(prefix=uuid4().hex)
    while True:
        if batch:
            yield b"[" + b",".join(next(signals) for _ in range(batch)) + b"]"
        else:
            yield next(signals)


class Load:
    """A closed loop of some connections against one URL."""

    def __init__(self, url: str, *, headers: dict[str, str], connections: int, batch: int) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        lines = {"Host": parts.netloc, "Content-Type": "application/json"} | headers
        head = f"POST {parts.path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
        self.head = head.encode() + b"Content-Length: %d\r\n\r\n"
        self.bodies = make_bodies(batch=batch)
        self.signals_a_request = batch or 1
        self.poll = selectors.EpollSelector()
        self.open = [Connection(parts.hostname, parts.port or 80) for _ in range(connections)]
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()

    def _next_request(self) -> bytes:
        body = next(self.bodies)
        return self.head % len(body) + body

    def run(self, seconds: float) -> dict[str, object]:
        """Load for so long and return what was measured."""
        for connection in self.open:
            self.poll.register(connection.socket, selectors.EVENT_READ, connection)
            self._send(connection)
        started, cpu = time.perf_counter(), time.process_time()
        deadline = started + seconds
        while (now := time.perf_counter()) < deadline:
            for key, mask in self.poll.select(deadline - now):
                self._advance(key.data, mask)
        elapsed = time.perf_counter() - started
        for connection in self.open:
            connection.socket.close()
        return self._summarise(elapsed, time.process_time() - cpu)

    def _send(self, connection: Connection, *, due_at: float | None = None) -> None:
        connection.send(self._next_request(), due_at=due_at)
        if connection.unsent:
            events = selectors.EVENT_READ | selectors.EVENT_WRITE
            self.poll.modify(connection.socket, events, connection)

    def _advance(self, connection: Connection, mask: int) -> None:
        if mask & selectors.EVENT_WRITE and connection.unsent and connection.push_rest():
            self.poll.modify(connection.socket, selectors.EVENT_READ, connection)
        if mask & selectors.EVENT_READ and connection.receive():
            self.latencies.append(time.perf_counter() - connection.due_at)
            self.statuses[connection.status] += 1
            self._answered(connection)

    def _answered(self, connection: Connection) -> None:
        self._send(connection)

    def _summarise(self, elapsed: float, cpu: float) -> dict[str, object]:
        ordered = sorted(self.latencies)
        good = sum(number for status, number in self.statuses.items() if status in {202, 207})

        def percentile(share: float) -> float:
            return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

        return {
            "requests_per_second": round(good / elapsed, 1),
            "signals_per_second": round(good * self.signals_a_request / elapsed, 1),
            "p50_ms": percentile(0.5) if ordered else None,
            "p99_ms": percentile(0.99) if ordered else None,
            "statuses": dict(self.statuses),
            "generator_cpu_share": round(cpu / elapsed, 3),
        }


class PacedLoad(Load):
    """An open loop: requests are due at even intervals, and wait for a free connection if they must."""

    def __init__(self, url: str, *, headers: dict[str, str], connections: int, rate: float) -> None:
        super().__init__(url, headers=headers, connections=connections, batch=0)
        self.interval = 1 / rate
        self.idle = list(self.open)
        self.trace: list[tuple[str, float]] = []  # id of a signal, and when it was due, seconds of the epoch

    def run(self, seconds: float) -> dict[str, object]:
        """Load for so long, wait for the last answers, and return what was measured."""
        for connection in self.open:
            self.poll.register(connection.socket, selectors.EVENT_READ, connection)
        started, cpu = time.perf_counter(), time.process_time()
        self.epoch = time.time() - started
        due, deadline = started, started + seconds
        while due < deadline or len(self.idle) < len(self.open):
            now = time.perf_counter()
            while self.idle and due <= min(now, deadline):
                self._send(self.idle.pop(), due_at=due)
                due += self.interval
            pause = max(0.0, due - now) if self.idle and due < deadline else None
            for key, mask in self.poll.select(pause):
                self._advance(key.data, mask)
        elapsed = time.perf_counter() - started
        for connection in self.open:
            connection.socket.close()
        return self._summarise(elapsed, time.process_time() - cpu)

    def _answered(self, connection: Connection) -> None:
        self.idle.append(connection)
        self.trace.append((json.loads(connection.body())["id"], connection.due_at + self.epoch))


def main() -> None:
    """Read the headers from standard input, load, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--rate", type=float, help="single requests a second, whatever the answers do")
    parser.add_argument("--trace", type=Path, help="with a rate: file for each signal's id and time")
    asked = parser.parse_args()
    headers, connections = json.load(sys.stdin), asked.connections
    if asked.rate:
        paced = PacedLoad(asked.url, headers=headers, connections=connections, rate=asked.rate)
        answer = paced.run(asked.seconds)
        if asked.trace:
            asked.trace.write_text(json.dumps(paced.trace), encoding="utf-8")
    else:
        load = Load(asked.url, headers=headers, connections=connections, batch=asked.batch)
        answer = load.run(asked.seconds)
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
