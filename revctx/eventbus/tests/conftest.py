"""A producer and a cursor for the tests of the relay and the bridge."""

import pytest
from django.utils import timezone

from revctx.eventbus import relay


@pytest.fixture(scope="module")
def producer():
    return relay.make_producer()


@pytest.fixture
def cursor(db):
    return relay.load_cursor(now=timezone.now())
