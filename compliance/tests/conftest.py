from datetime import UTC, datetime

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from revctx.api.tokens import issue_token


@pytest.fixture
def caller(db):
    """Return a function that makes a client whose token has the given scopes."""

    def make(*scopes):
        user, _ = User.objects.get_or_create(username="officer")
        secret = issue_token(user=user, label="test", scopes=scopes, now=datetime(2026, 1, 1, tzinfo=UTC))
        return Client(headers={"Authorization": f"Bearer {secret}"})

    return make


@pytest.fixture
def connect():
    """Return a function that opens a connection of its own, in autocommit, under a role's alias."""
    opened = []

    def open_as(alias):
        config = settings.DATABASES[alias]
        connection = psycopg.connect(
            host=config["HOST"],
            port=config["PORT"],
            dbname=config["NAME"],
            user=config["USER"],
            password=config["PASSWORD"],
            autocommit=True,
        )
        opened.append(connection)
        return connection

    yield open_as
    for connection in opened:
        connection.close()
