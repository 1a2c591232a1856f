"""Name the code that a result was computed by, so that a change of it never passes unseen. Pure."""

import hashlib
from pathlib import Path
from types import ModuleType


def hash_sources(*modules: ModuleType) -> str:
    """Return the SHA-256 over the sources of these modules, in hex, in the order of their names."""
    digest = hashlib.sha256()
    for module in sorted(modules, key=lambda module: module.__name__):
        digest.update(module.__name__.encode() + b"\0")
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
