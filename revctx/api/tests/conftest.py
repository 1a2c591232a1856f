"""A user and a caller with chosen scopes."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from revctx.api.tokens import issue_token

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def user(db) -> User:
    return User.objects.create_user("integrator")


@pytest.fixture
def caller(user):
    """Return a function that makes a client whose token has the given scopes."""

    def make(*scopes: str, **limits) -> Client:
        secret = issue_token(user=user, label="test", scopes=scopes, now=NOW, **limits)
        return Client(headers={"Authorization": f"Bearer {secret}"})

    return make
