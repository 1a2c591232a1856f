"""What the tests of the event bus and of the whole pipeline share."""

import os

import pytest
from django.core.management import call_command

from revctx.devstack.pytest_plugin import GIVEN_BROKER


@pytest.fixture(scope="session", autouse=True)
def _topics() -> None:
    """Make the topics on a real broker, which makes none by itself; the embedded one does."""
    if os.environ.get(GIVEN_BROKER):
        call_command("create_topics", verbosity=0)
