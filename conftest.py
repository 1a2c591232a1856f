"""What every test of the project may use."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import redis
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.test import TransactionTestCase
from rest_framework.test import APIClient

from revctx.api.tokens import issue_token
from revctx.devstack.database_reset import DatabaseReset
from revctx.devstack.services import ThrowawayServices


@pytest.fixture(scope="session")
def django_db_setup(services: ThrowawayServices, django_db_blocker: Any) -> Iterator[None]:
    """Migrate this process's database as the owner; all aliases point at it under their own roles."""
    with django_db_blocker.unblock():
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        connections["owner"].close()
    with services.postgres.connect_superuser() as connection, pytest.MonkeyPatch.context() as patch:
        reset = DatabaseReset(connection)
        reset.remember()
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: _restore(reset, services))
        yield
        reset.connection.close()
    with django_db_blocker.unblock():
        connections.close_all()


def _restore(reset: DatabaseReset, services: ThrowawayServices) -> None:
    try:
        reset.connection.execute("SELECT 1")
    except psycopg.OperationalError:  # a test has restarted the server
        reset.use(services.postgres.connect_superuser())
    reset.restore()


@pytest.fixture(scope="session")
def redis_server(services: ThrowawayServices) -> Iterator[redis.Redis]:
    """Return a client of this process's Redis server."""
    with redis.Redis.from_url(services.redis.url) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty_redis(request: pytest.FixtureRequest, redis_server: redis.Redis) -> None:
    """Start every test with an empty Redis, unless it is marked ``keep_redis``."""
    if request.node.get_closest_marker("keep_redis") is None:
        redis_server.flushall()


class JsonClient(APIClient):
    """A client that sends JSON unless told otherwise; ``user`` is whose token it carries."""

    default_format = "json"
    user: User


@pytest.fixture
def api_client() -> Callable[..., JsonClient]:
    """Return a function that makes a client whose token has the scopes given, and a user of its own.

    Another client of the same person: ``api_client("actions:approve", user=first.user)``.
    """

    def make(*scopes: str, user: User | None = None, source: str = "") -> JsonClient:
        client = JsonClient()
        client.user = user or User.objects.create_user(f"user-{User.objects.count() + 1}")
        secret = issue_token(
            user=client.user, label="test", scopes=scopes, source=source, now=datetime.now(UTC)
        )
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return make
