"""Folders of test processes, removed even when the process that made them could not."""

import contextlib
import os
import shutil
from pathlib import Path

from revctx.devstack.children import is_alive
from revctx.devstack.paths import harness_folder, is_root, root_folder


def make() -> Path:
    """Return a new folder named after this process, and remove those of dead ones."""
    if is_root():
        root_folder().mkdir(mode=0o711, parents=True, exist_ok=True)
    sweep()
    folder = harness_folder() / str(os.getpid())
    folder.mkdir(mode=0o711, parents=True)
    return folder


def remove(folder: Path) -> None:
    """Remove a folder, and the common one if nobody uses it."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # not empty: others run
        harness_folder().rmdir()


def sweep() -> None:
    """Remove the folders of processes that have ended."""
    if not harness_folder().exists():
        return
    for folder in list(harness_folder().iterdir()):
        if folder.name.isdigit() and not is_alive(int(folder.name)):
            remove(folder)
