"""The laboratory's process: its own role, no way out, no secret. Tried in processes of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from laboratory.isolation import IsolationBreachError, build_hook

ROOT = Path(__file__).resolve().parents[2]

SEALED = """
import os, socket, subprocess, sys, urllib.request
import django
django.setup()
from django.conf import settings
from django.db import connections
from laboratory import isolation
database = connections["lab"].settings_dict
isolation.activate(host=database["HOST"], port=int(database["PORT"]))
"""


def run_sealed(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in laboratory mode, sealed, and return what it printed."""
    return subprocess.run(
        [sys.executable, "-c", SEALED + code],
        cwd=ROOT,
        env={**os.environ, "EXECUTION_MODE": "laboratory", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


ESCAPES = [
    "socket.create_connection(('127.0.0.1', 9))",
    "socket.create_connection(('192.0.2.1', 443))",
    "socket.getaddrinfo('example.com', 443)",
    "socket.gethostbyname('example.com')",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "socket.socket(socket.AF_UNIX).connect('/tmp/any')",
    "urllib.request.urlopen('http://127.0.0.1:9/')",
    "subprocess.run(['true'])",
    "os.system('true')",
    "os.fork()",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "os.execv('/bin/true', ['true'])",
]


class TestSealedProcess:
    def test_no_way_out_is_open(self):
        done = run_sealed(f"""
for escape in {ESCAPES!r}:
    try:
        eval(escape)
    except Exception as error:
        while error is not None and not isinstance(error, isolation.IsolationBreachError):
            error = getattr(error, "reason", None) or error.__cause__ or error.__context__
        print("refused" if error else "other", flush=True)
    else:
        print("escaped", flush=True)
""")

        assert done.stdout.split() == ["refused"] * len(ESCAPES), done.stderr

    def test_the_database_is_reached_as_the_laboratory_under_every_alias(self):
        done = run_sealed("""
for alias in connections:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_user")
        print(alias, cursor.fetchone()[0])
""")

        assert set(done.stdout.split("\n")) == {"default revctx_lab", "lab revctx_lab", ""}, done.stderr

    def test_no_secret_of_production_is_left(self):
        secret = "secret-of-production"
        done = run_sealed(
            """
values = list(os.environ.values()) + [str(getattr(settings, name)) for name in dir(settings)]
print(any("secret-of-production" in value for value in values))
""",
            OPENAI_API_KEY=secret,
            OUTREACH_API_KEY=secret,
            ENRICHMENT_API_KEY=secret,
            DATABASE_URL=f"postgresql://revctx_app:{secret}@127.0.0.1/revctx",
            REDIS_URL=f"redis://:{secret}@127.0.0.1/0",
        )

        assert done.stdout.strip() == "False", done.stderr


class TestHook:
    hook = staticmethod(build_hook([("db.internal", 5432)]))

    def test_the_way_to_the_database_stays_open(self):
        self.hook("socket.connect", (None, ("db.internal", 5432)))
        self.hook("socket.getaddrinfo", ("db.internal", 5432, 0, 0, 0))

    @pytest.mark.parametrize(
        "address", [("db.internal", 6379), ("cache.internal", 5432), "/tmp/socket", b"\0x"]
    )
    def test_every_other_address_is_refused(self, address):
        with pytest.raises(IsolationBreachError):
            self.hook("socket.connect", (None, address))

    def test_events_of_other_kinds_pass(self):
        self.hook("open", ("file", "r", 0))


def test_the_worker_refuses_to_start_outside_laboratory_mode():
    done = subprocess.run(
        [sys.executable, "manage.py", "lab_worker", "--once"],
        cwd=ROOT,
        env={**os.environ, "EXECUTION_MODE": "production"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "EXECUTION_MODE=laboratory only" in done.stderr
