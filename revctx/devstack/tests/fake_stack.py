"""A local stack whose product is four tiny programs: `fake_stack.py FOLDER PORT`. Run by tests."""

import os
import sys
from pathlib import Path

from revctx.devstack.console import complain
from revctx.devstack.instance_lock import AlreadyRunning
from revctx.devstack.local_state import LocalState
from revctx.devstack.ports import ServiceError
from revctx.devstack.processes import ProcessSpec
from revctx.devstack.supervisor import Supervisor

WEB = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
# Writes the broker's address, so that a test sees which one it was started with.
CLIENT = """
import os, time
print("broker", os.environ["KAFKA_BOOTSTRAP_SERVERS"], flush=True)
time.sleep(600)
"""
# Leaves a grandchild in its session and does not care about SIGTERM.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(600)"])
time.sleep(600)
"""
LABORATORY = "import os, time; print(sorted(os.environ), flush=True); time.sleep(600)"


def list_specs(*, web_port: int, sandbox_port: int) -> list[ProcessSpec]:
    """Return stand-ins for the product's processes."""
    python = (sys.executable, "-c")
    specs = [
        ProcessSpec("sandbox", (*python, WEB, str(sandbox_port)), 0),
        ProcessSpec("relay", (*python, CLIENT), 1, uses_broker=True),
        ProcessSpec("lab-worker", (*python, LABORATORY), 2, is_laboratory=True),
        ProcessSpec("web", (*python, WEB, str(web_port)), 3),
    ]
    if "FAKE_STUBBORN" in os.environ:
        specs.insert(1, ProcessSpec("stubborn", (*python, STUBBORN), 1))
    return specs


if __name__ == "__main__":
    try:
        sys.exit(
            Supervisor(
                os.environ | {"REVCTX_PORT": sys.argv[2]},
                state=LocalState(Path(sys.argv[1])),
                list_specs=list_specs,
                prepare_command=(sys.executable, "-c", "print('prepared')"),
            ).run()
        )
    except (ServiceError, AlreadyRunning) as error:
        complain(str(error))
        sys.exit(1)
