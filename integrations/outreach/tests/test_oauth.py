"""Outreach's tokens: each refresh token works once, and every process must find the next one."""

import json

import pytest
from django.db import connection
from werkzeug import Response

from integrations.calling import CallRefused
from integrations.outreach import oauth
from integrations.outreach.client import OutreachClient

pytestmark = pytest.mark.django_db


class Vendor:
    """Gives an access token for the newest refresh token alone."""

    def __init__(self):
        self.refresh_token, self.uses = "refresh-0", 0

    def answer(self, request):
        if request.form["refresh_token"] != self.refresh_token:
            return Response('{"error": "invalid_grant"}', status=400)
        assert (request.form["client_id"], request.form["redirect_uri"]) == ("app", "https://us.test/back")
        self.uses += 1
        self.refresh_token = f"refresh-{self.uses}"
        body = {
            "access_token": f"access-{self.uses}",
            "token_type": "Bearer",
            "expires_in": 7200,
            "refresh_token": self.refresh_token,
            "scope": "prospects.all sequenceStates.all",
            "created_at": 1_795_000_000,
        }
        return Response(json.dumps(body), content_type="application/json")


@pytest.fixture
def vendor(settings, httpserver):
    vendor = Vendor()
    httpserver.expect_request("/oauth/token", method="POST").respond_with_handler(vendor.answer)
    settings.OUTREACH_BASE_URL = httpserver.url_for("/api/v2")
    settings.OUTREACH_OAUTH_URL = httpserver.url_for("/oauth")
    settings.OUTREACH_CLIENT_ID, settings.OUTREACH_CLIENT_SECRET = "app", "app-secret"
    settings.OUTREACH_REDIRECT_URI, settings.OUTREACH_REFRESH_TOKEN = "https://us.test/back", "refresh-0"
    oauth._get_cache.cache_clear()
    yield vendor
    oauth._get_cache.cache_clear()


def restart():
    """Forget what a process knows, as a new process would."""
    oauth._get_cache.cache_clear()


def find():
    with OutreachClient() as client:
        return client.find_task(key="k")


def test_a_token_serves_many_calls(vendor, httpserver):
    expected = httpserver.expect_request("/api/v2/tasks", headers={"Authorization": "Bearer access-1"})
    expected.respond_with_json({"data": []})

    assert (find(), find(), vendor.uses) == (None, None, 1)


def test_the_next_process_goes_on_with_the_next_refresh_token(vendor, httpserver):
    httpserver.expect_request("/api/v2/tasks").respond_with_json({"data": []})
    find()
    restart()
    find()

    assert vendor.uses == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT encode(ciphertext, 'escape') FROM integration_oauth_grants")
        assert "refresh" not in cursor.fetchone()[0]


def test_a_new_kek_still_opens_what_the_old_one_sealed(vendor, httpserver, settings):
    httpserver.expect_request("/api/v2/tasks").respond_with_json({"data": []})
    find()
    settings.SUBJECT_KEK_PREVIOUS, settings.SUBJECT_KEK = [settings.SUBJECT_KEK], b"k" * 32
    restart()
    find()

    assert vendor.uses == 2


def test_an_access_token_that_ended_early_is_renewed(vendor, httpserver):
    httpserver.expect_request(
        "/api/v2/tasks", headers={"Authorization": "Bearer access-2"}
    ).respond_with_json({"data": []})
    httpserver.expect_request("/api/v2/tasks").respond_with_response(Response(status=401))

    assert (find(), vendor.uses) == (None, 2)


def test_a_withdrawn_grant_is_certain_to_have_done_nothing(vendor, httpserver):
    vendor.refresh_token = "somebody withdrew it"

    with OutreachClient() as client, pytest.raises(CallRefused, match="token_invalid_grant"):
        client.create_task(key="k", subject="s", note="n", account_reference="a")


@pytest.mark.parametrize("answer", [Response(status=503), Response("<html>"), Response("{}"), Response("[]")])
def test_a_token_endpoint_in_trouble_is_named(vendor, httpserver, settings, answer):
    settings.OUTREACH_OAUTH_URL = httpserver.url_for("/trouble")
    httpserver.expect_request("/trouble/token").respond_with_response(answer)

    with OutreachClient() as client, pytest.raises(CallRefused, match="token_"):
        client.create_task(key="k", subject="s", note="n", account_reference="a")
