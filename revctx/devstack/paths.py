"""Where the embedded services keep their programs and their data."""

import hashlib
import os
import tempfile
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
STATE_FOLDER = PROJECT_ROOT / ".revctx"
UNPRIVILEGED_USER = "nobody"


def is_root() -> bool:
    """Tell whether this process runs as root, which PostgreSQL refuses to be."""
    return os.geteuid() == 0


def root_folder() -> Path:
    """Return the folder of this checkout that the unprivileged user can reach.

    Only root needs it: the checkout itself may lie below a folder closed to everybody else.
    """
    digest = hashlib.sha256(str(PROJECT_ROOT).encode()).hexdigest()[:12]
    return Path("/var/lib") / f"revctx-{digest}"


def postgres_folder(state_folder: Path) -> Path:
    """Return where the PostgreSQL cluster of a state folder lies."""
    if not is_root():
        return state_folder / "postgres"
    digest = hashlib.sha256(str(state_folder.resolve()).encode()).hexdigest()[:12]
    return root_folder() / f"postgres-{digest}"


def harness_folder() -> Path:
    """Return the folder below which every test process makes its own."""
    if is_root():
        return root_folder() / "tests"
    return Path(tempfile.gettempdir()) / f"revctx-tests-{os.geteuid()}"
