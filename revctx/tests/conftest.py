"""Processes of the pipeline, for the tests that need them to run for real."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from revctx.devstack.ports import free_ports
from revctx.tests.processes import Processes


@pytest.fixture
def processes(transactional_db: None, tmp_path: Path) -> Iterator[Processes]:
    """Return the product's processes, none started; they end before the database is emptied."""
    sandbox_port, web_port = free_ports(2)
    started = Processes(folder=tmp_path, sandbox_port=sandbox_port, web_port=web_port)
    try:
        yield started
    finally:
        started.stop()
