"""What a local stack keeps between runs: secrets, chosen ports, and the file other commands read."""

import base64
import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from revctx.devstack.ports import ServiceError, free_ports, is_free
from revctx.devstack.services import new_passwords

KEY_VARIABLES = (
    "SUBJECT_KEY_ENCRYPTION_KEY",
    "SUBJECT_HASH_KEY",
    "SUPPRESSION_HASH_KEY",
    "SIGNAL_HASH_KEY",
    "RECEIPT_SIGNING_KEY",
    "AUDIT_SIGNING_KEY",
    "CERTIFICATE_SIGNING_KEY",
)
PORT_NAMES = ("postgres", "redis", "sandbox")
# A value outside this set would need quotes, which a shell and Python read differently.
PLAIN_VALUE = re.compile(r"[A-Za-z0-9._~:/?#@!=%+,\[\]-]*")


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; nobody else may read it."""
    unfinished = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _new_secrets() -> dict[str, str]:
    tokens = {name: f"rvx_{secrets.token_urlsafe(32)}" for name in ("REVCTX_TOKEN", "REVCTX_TOKEN_2")}
    keys = {name: _new_key() for name in KEY_VARIABLES}
    return tokens | keys | {"SECRET_KEY": secrets.token_urlsafe(50), "REDIS_PASSWORD": secrets.token_hex(16)}


@dataclass
class LocalState:
    """The folder of a local stack, `.revctx` in the checkout."""

    folder: Path

    def prepare(self) -> None:
        """Create the folder and its parts.

        Raises:
            ServiceError: it belongs to another user.
        """
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            for name in ("logs", "redis", "broker", "anchors", "erasures"):
                (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        except PermissionError as error:
            raise ServiceError(f"{self.folder} belongs to another user; remove it") from error

    @property
    def logs(self) -> Path:
        """Return the folder of the log files."""
        return self.folder / "logs"

    @property
    def env_path(self) -> Path:
        """Return the file that `manage.py` reads."""
        return self.folder / "local.env"

    def load_secrets(self) -> dict[str, str]:
        """Return the secrets of this stack, drawn on the first call ever."""
        return self._load("secrets.json", _new_secrets())

    def load_passwords(self) -> dict[str, str]:
        """Return the database passwords of this stack, drawn on the first call ever."""
        return self._load("passwords.json", new_passwords())

    def set_aside_orphan(self, data: Path) -> Path | None:
        """Rename a cluster of which this stack has no passwords; return its new place, None if there is none.

        Root's clusters lie outside of the checkout and outlive it. Without the passwords and keys of the
        checkout that is gone nobody can read them; they are kept, for only their owner may throw data away.
        """
        if not data.exists() or (self.folder / "passwords.json").exists():
            return None
        return data.rename(data.with_name(f"{data.name}.orphan-{time.time_ns()}"))

    def choose_ports(self) -> dict[str, int]:
        """Return a free port for each embedded server, last time's where it is still free."""
        path = self.folder / "ports.json"
        known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        fresh = dict(zip(PORT_NAMES, free_ports(len(PORT_NAMES)), strict=True))
        chosen = {
            name: known[name] if name in known and is_free(known[name]) else port
            for name, port in fresh.items()
        }
        write_private(path, json.dumps(chosen))
        return chosen

    def write_env(self, variables: Mapping[str, str]) -> None:
        """Write the variables that other commands need to reach the stack."""
        plain = {name: value for name, value in variables.items() if PLAIN_VALUE.fullmatch(value)}
        lines = [f"{name}={value}" for name, value in sorted(plain.items())]
        write_private(self.env_path, "# Written by `make run` at every start.\n" + "\n".join(lines) + "\n")

    def _load(self, name: str, fresh: dict[str, str]) -> dict[str, str]:
        path = self.folder / name
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        complete = fresh | known
        if complete != known:
            write_private(path, json.dumps(complete, indent=1))
        return complete
