"""Processes of the pipeline, for the tests that need them to run for real."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from revctx.devstack.ports import free_ports
from revctx.tests.processes import Processes


@pytest.fixture
def processes(transactional_db: None, tmp_path: Path) -> Iterator[Processes]:
    """Return the product's processes, none started; they end before the database is emptied."""
    started = Processes(folder=tmp_path, sandbox_port=free_ports(1)[0])
    try:
        yield started
    finally:
        started.stop()
