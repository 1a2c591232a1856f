"""A local server that behaves like the vendors we call, so that everything runs without their keys.

Outreach's JSON:API below `/api/v2`, Clearbit's company lookup below `/v2`, a plain provider of facts below
`/plain`, and its own pages below `/sandbox`: `health`, `sent`, `faults` (GET, POST, DELETE), `reset`
(POST). A request may also carry its own fault in `X-Sandbox-Fault` (`lost_answer`, `status:429`,
`delay:2.5`).
"""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from integrations.sandbox.companies import find_company
from integrations.sandbox.store import FAULT_KINDS, Fault, Store

COLLECTIONS = {
    "prospects": "prospect",
    "mailings": "mailing",
    "tasks": "task",
    "sequenceStates": "sequenceState",
}
MAX_BODY = 1_000_000


class SandboxServer(ThreadingHTTPServer):
    """The server and its memory."""

    daemon_threads = True
    store: Store


def make_server(host: str = "127.0.0.1", port: int = 0) -> SandboxServer:
    """Return a bound server; port 0 takes a free one. Serve it with `serve_forever`."""
    server = SandboxServer((host, port), Handler)
    server.store = Store()
    return server


class Handler(BaseHTTPRequestHandler):
    """Routes one request."""

    protocol_version = "HTTP/1.1"
    server: SandboxServer

    def do_GET(self) -> None:
        """Answer a read."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a write."""
        self._serve()

    def do_DELETE(self) -> None:
        """Answer a removal."""
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: what passes here is personal."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self._read_body()
        if url.path.startswith("/sandbox/"):
            self._answer(*self._own_page(url.path.removeprefix("/sandbox/"), body))
            return
        fault = self._header_fault() or self.server.store.take_fault(str(self.command), url.path)
        if fault and self._meet(fault):
            return
        status, document = self._vendor(url.path, parse_qs(url.query), body)
        if fault and fault.kind == "lost_answer":
            self.close_connection = True
            return
        if fault and fault.kind == "malformed":
            self._send(200, b"<html>busy</html>", "text/html")
            return
        self._answer(status, document)

    def _header_fault(self) -> Fault | None:
        kind, _, value = self.headers.get("X-Sandbox-Fault", "").partition(":")
        if kind not in FAULT_KINDS:
            return None
        number = float(value or 0)
        return Fault(kind=kind, status=int(number) or 503, seconds=number)

    def _meet(self, fault: Fault) -> bool:
        """Show a fault that needs no work done; return whether the request is over."""
        if fault.kind == "delay":
            time.sleep(fault.seconds)
        elif fault.kind == "hang_up":
            self.close_connection = True
            return True
        elif fault.kind == "status":
            self._answer(fault.status, {"errors": [{"status": str(fault.status), "id": "sandboxFault"}]})
            return True
        return False

    def _vendor(self, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        self.server.store.count_call(f"{self.command} {path}")
        if not self.headers.get("Authorization", "").startswith("Bearer "):
            return 401, {"errors": [{"id": "unauthorized"}]}
        if parts[:2] == ["api", "v2"] and len(parts) == 3 and parts[2] in COLLECTIONS:
            return self._outreach(parts[2], query, body)
        if self.command == "DELETE" and parts[:3] == ["api", "v2", "prospects"] and len(parts) == 4:
            return (204, None) if self.server.store.delete_prospect(parts[3]) else (404, {"errors": []})
        if parts == ["v2", "companies", "find"]:
            return self._clearbit(query.get("domain", [""])[0])
        if len(parts) >= 2 and parts[0] == "plain" and parts[-1] == "facts":
            return self._plain(query.get("domain", [""])[0])
        return 404, {"errors": [{"id": "notFound"}]}

    def _outreach(self, collection: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        store = self.server.store
        if self.command == "GET":
            wanted = {name[6:]: values[0] for name, values in query.items() if name.startswith("filter[")}
            return 200, {"data": store.find(collection, wanted)}
        try:
            data = body["data"]
            attributes = data.get("attributes", {})
            valid = data["type"] == COLLECTIONS[collection] and isinstance(attributes, dict)
        except (KeyError, TypeError, AttributeError):
            valid = False
        if not valid:
            return 422, {"errors": [{"id": "validationError"}]}
        row, created = store.create(
            collection,
            COLLECTIONS[collection],
            self.headers.get("Idempotency-Key", ""),
            json.dumps(data, sort_keys=True),
            {"attributes": attributes, "relationships": data.get("relationships") or {}},
        )
        if row is None:
            return 409, {"errors": [{"id": "idempotencyKeyReused"}]}
        return (201 if created else 200), {"data": row}

    def _clearbit(self, domain: str) -> tuple[int, Any]:
        company = find_company(domain)
        if company is None:
            return 404, {"error": {"type": "unknown_record", "message": "Company not found."}}
        return 200, company

    def _plain(self, domain: str) -> tuple[int, Any]:
        status, company = self._clearbit(domain)
        if status != 200:
            return status, company
        facts = {
            "industry": company["category"]["industry"],
            "employees": company["metrics"]["employees"],
            "annual_revenue": company["metrics"]["annualRevenue"],
            "country": company["geo"]["countryCode"],
            "technologies": company["tech"],
        }
        return 200, {"facts": facts}

    def _own_page(self, page: str, body: Any) -> tuple[int, Any]:
        store = self.server.store
        match (self.command, page):
            case ("GET", "health"):
                return 200, {"status": "ok"}
            case ("GET", "sent"):
                return 200, self._sent()
            case ("GET", "faults"):
                return 200, {"faults": [fault.__dict__ for fault in store.faults if fault.times]}
            case ("POST", "faults"):
                return self._plan_fault(body)
            case ("DELETE", "faults"):
                store.faults.clear()
                return 200, {"faults": []}
            case ("POST", "reset"):
                store.reset()
                return 200, {"status": "empty"}
            case _:
                return 404, {"error": "no such page"}

    def _plan_fault(self, body: Any) -> tuple[int, Any]:
        if not isinstance(body, dict) or body.get("kind") not in FAULT_KINDS:
            return 422, {"error": f"kind is one of {', '.join(FAULT_KINDS)}"}
        try:
            fault = Fault(**body)
        except TypeError as error:
            return 422, {"error": str(error)}
        self.server.store.add_fault(fault)
        return 201, fault.__dict__

    def _sent(self) -> dict[str, Any]:
        store = self.server.store
        mailings, tasks = store.list("mailings"), store.list("tasks")
        return {
            "mailings": mailings,
            "tasks": tasks,
            "counts": {
                "mailings": len(mailings),
                "tasks": len(tasks),
                "prospects": len(store.list("prospects")),
            },
            "calls": dict(store.calls),
        }

    def _read_body(self) -> Any:
        length = min(int(self.headers.get("Content-Length") or 0), MAX_BODY)
        raw = self.rfile.read(length) if length else b""
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            return None

    def _answer(self, status: int, document: Any) -> None:
        raw = b"" if document is None else json.dumps(document).encode()
        self._send(status, raw, "application/json")

    def _send(self, status: int, raw: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
