from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from revctx.api.models import ApiToken
from revctx.api.tests.conftest import NOW
from revctx.api.tokens import UnknownScope, issue_token


def list_signals(client: Client):
    return client.get("/api/signals")


@pytest.mark.django_db
class TestTokens:
    def test_opens_what_its_scopes_name(self, caller):
        assert list_signals(caller("signals:read")).status_code == 200

    def test_refuses_other_things(self, caller):
        response = list_signals(caller("consent:read"))

        assert response.status_code == 403
        assert "signals:read" in response.json()["error"]["message"]

    def test_asks_strangers_for_a_token(self):
        response = list_signals(Client())

        assert response.status_code == 401
        assert response["WWW-Authenticate"] == "Bearer"
        assert response.json()["error"]["request_id"] == response["X-Request-ID"]

    @pytest.mark.parametrize("how", ["expired", "revoked", "inactive", "unknown"])
    def test_refuses_a_token_that_is(self, how, caller, user):
        client = caller("signals:read", expires_at=timezone.now() + timedelta(hours=1))
        assert list_signals(client).status_code == 200

        if how == "expired":
            ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        elif how == "revoked":
            ApiToken.objects.update(revoked_at=timezone.now())
        elif how == "inactive":
            user.is_active = False
            user.save()
        else:
            ApiToken.objects.all().delete()

        assert list_signals(client).status_code == 401

    def test_keeps_only_a_digest(self, user):
        secret = issue_token(user=user, label="test", scopes=["signals:read"], now=NOW)

        assert secret not in str(ApiToken.objects.values())

    def test_refuses_a_scope_that_does_not_exist(self, user):
        with pytest.raises(UnknownScope, match="everything"):
            issue_token(user=user, label="test", scopes=["everything"], now=NOW)
