"""Variables of a local stack: `make run` writes them, `manage.py` reads them."""

import os
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / ".revctx" / "local.env"


def load(path: Path = PATH) -> None:
    """Set the variables of a local stack that the environment does not set itself.

    A profile named in the environment means that the process is configured from
    outside, so nothing of a local stack may leak into it.
    """
    if "REVCTX_PROFILE" in os.environ or not path.exists():
        return
    for name, value in read(path).items():
        os.environ.setdefault(name, value)


def read(path: Path = PATH) -> dict[str, str]:
    """Return the `NAME=value` lines of a file; comments and blank lines are skipped."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}
