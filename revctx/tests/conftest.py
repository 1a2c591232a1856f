"""Processes of the pipeline, for the tests that need them to run for real."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from revctx.devstack.ports import free_ports
from revctx.devstack.pytest_plugin import GIVEN_BROKER
from revctx.tests.processes import Processes


@pytest.fixture(scope="session")
def topics() -> None:
    """Make the topics on a real broker; the embedded one makes them on first use."""
    if os.environ.get(GIVEN_BROKER):
        call_command("create_topics", verbosity=0)


@pytest.fixture
def processes(transactional_db: None, topics: None, tmp_path: Path) -> Iterator[Processes]:
    """Return the product's processes, none started; they end before the database is emptied."""
    started = Processes(folder=tmp_path, sandbox_port=free_ports(1)[0])
    try:
        yield started
    finally:
        started.stop()
