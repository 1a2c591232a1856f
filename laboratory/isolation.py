"""A tripwire around the laboratory's process: no socket but PostgreSQL's, no child, no secret.

The database role is what keeps the laboratory out of production. This guards the rest: Python
reports every socket and every child process through its audit events, and the hook refuses all
that are not the way to the laboratory's database. A hook can't be removed once added, so no
code run later in the process can lift it. Extensions written in C that open sockets by
themselves are not seen; the process is therefore to run where only PostgreSQL is reachable.

Source: PEP 578.
"""

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings

# What the laboratory's process must not know, as variables and as settings.
SECRETS = (
    "DATABASE_URL",
    "OWNER_DATABASE_URL",
    "AUDITOR_DATABASE_URL",
    "REDIS_URL",
    "KAFKA_BOOTSTRAP_SERVERS",
    "OPENAI_API_KEY",
    "OUTREACH_API_KEY",
    "ENRICHMENT_API_KEY",
    "OUTREACH_CLIENT_SECRET",
    "OUTREACH_REFRESH_TOKEN",
    "SALESFORCE_WEBHOOK_SECRETS",
    "HUBSPOT_WEBHOOK_SECRETS",
    "SEGMENT_WEBHOOK_SECRETS",
    "SALESFORCE_OUTBOUND_KEYS",
    "SALESFORCE_CLIENT_SECRET",
    "SUBJECT_KEY_ENCRYPTION_KEY",
    "SUBJECT_HASH_KEY",
    "SUPPRESSION_HASH_KEY",
    "CERTIFICATE_SIGNING_KEY",
    "SIGNAL_HASH_KEY",
    "RECEIPT_SIGNING_KEY",
    "SUBJECT_KEK_PREVIOUS",
    "REVCTX_TOKEN",
    "REVCTX_TOKEN_2",
    "REVCTX_MCP_TOKEN",
)
_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"})
_RESOLVING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_SPAWNING = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"})

AuditHook = Callable[[str, tuple[Any, ...]], None]


class IsolationBreachError(PermissionError):
    """The laboratory's process tried to reach something other than its database."""


def build_hook(allowed: Iterable[tuple[str, int]]) -> AuditHook:
    """Return an audit hook that lets only the named hosts and ports through.

    Raises (from the hook): IsolationBreachError.
    """
    endpoints = {(host, int(port)) for host, port in allowed}
    hosts = {host for host, _ in endpoints}

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _SPAWNING:
            raise IsolationBreachError(f"{event} is refused in laboratory mode.")
        if event in _CONNECTING and not _reaches(arguments[1], endpoints):
            raise IsolationBreachError(f"{event} to anything but the laboratory's database is refused.")
        if event in _RESOLVING and _name_of(arguments[0]) not in hosts:
            raise IsolationBreachError(f"{event} of any host but the database's is refused.")

    return refuse


def _reaches(address: Any, endpoints: set[tuple[str, int]]) -> bool:
    return isinstance(address, tuple) and len(address) >= 2 and (address[0], address[1]) in endpoints


def _name_of(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)


def drop_secrets() -> None:
    """Forget every secret of production that the environment gave to this process."""
    for name in SECRETS:
        os.environ.pop(name, None)
        if hasattr(settings, name):
            setattr(settings, name, type(getattr(settings, name))())


def activate(*, host: str, port: int) -> None:
    """Seal this process for good: drop its secrets and refuse every way out but PostgreSQL."""
    drop_secrets()
    sys.addaudithook(build_hook([(host, port)]))
