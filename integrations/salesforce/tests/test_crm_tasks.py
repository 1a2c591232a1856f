"""Tasks in Salesforce, against a server that keeps the REST API's contract."""

import json

import pytest
from werkzeug import Response

from integrations.calling import CallRefused, CallUncertain
from integrations.salesforce import crm_tasks, oauth

KEY = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
PATH = f"/services/data/v62.0/sobjects/Task/Revctx_Key__c/{KEY}"
TASK = {"subject": "Review: Quill", "note": "Because.", "account_id": "0015g00000AcctOneA"}


@pytest.fixture(autouse=True)
def organization(settings, httpserver):
    """Return how many tokens were given; each is refused once `expire` was called."""
    base = httpserver.url_for("").rstrip("/")
    settings.SALESFORCE_LOGIN_URL = base
    settings.SALESFORCE_CLIENT_ID, settings.SALESFORCE_CLIENT_SECRET = "app", "app-secret"
    settings.SALESFORCE_TASK_REFERENCE_FIELD = "Revctx_Key__c"
    oauth.get_tokens.cache_clear()
    given = []

    def token(request):
        assert request.form["grant_type"] == "client_credentials"
        assert (request.form["client_id"], request.form["client_secret"]) == ("app", "app-secret")
        given.append(f"00D5g!token{len(given) + 1}")
        identity = f"{base}/id/00D5g00000ABCdeEAF/0055g000000Q6ipYAC"
        body = {"access_token": given[-1], "instance_url": base, "id": identity, "token_type": "Bearer"}
        return Response(json.dumps(body), content_type="application/json")

    httpserver.expect_request("/services/oauth2/token", method="POST").respond_with_handler(token)
    yield given
    oauth.get_tokens.cache_clear()


def create(**changes):
    with crm_tasks.SalesforceTasks() as client:
        return client.create_task(key=KEY, **(TASK | changes))


def find():
    with crm_tasks.SalesforceTasks() as client:
        return client.find_task(key=KEY)


def created(status=201):
    body = {"id": "00T5g00000NewTaskA", "success": True, "errors": [], "created": status == 201}
    return Response(json.dumps(body), status=status, content_type="application/json")


def calls(httpserver):
    return [request for request, _ in httpserver.log if request.path == PATH]


class TestCreate:
    @pytest.mark.parametrize("status", [201, 200])
    def test_it_is_written_under_its_key(self, httpserver, organization, status):
        httpserver.expect_request(PATH, method="PATCH").respond_with_response(created(status))

        assert create() == "00T5g00000NewTaskA"

        [request] = calls(httpserver)
        assert request.headers["Authorization"] == f"Bearer {organization[0]}"
        assert request.headers["Sforce-Call-Options"] == "client=revctx"
        assert json.loads(request.data) == {
            "Subject": "Review: Quill",
            "Description": "Because.",
            "WhatId": "0015g00000AcctOneA",
            "Status": "Not Started",
            "Priority": "Normal",
        }

    def test_an_old_answer_without_a_body_is_looked_up(self, httpserver):
        httpserver.expect_request(PATH, method="PATCH").respond_with_response(Response(status=204))
        httpserver.expect_request(PATH, method="GET").respond_with_json({"Id": "00T5g00000OldTaskA"})

        assert create(account_id="") == "00T5g00000OldTaskA"
        assert "WhatId" not in json.loads(calls(httpserver)[0].data)

    def test_a_lost_answer_is_repeated_for_it_can_not_be_filed_twice(self, httpserver):
        httpserver.expect_oneshot_request(PATH, method="PATCH").respond_with_response(Response(status=503))
        httpserver.expect_oneshot_request(PATH, method="PATCH").respond_with_response(created(200))

        assert create() == "00T5g00000NewTaskA"

    def test_a_session_that_ended_is_begun_again(self, httpserver, organization):
        body = json.dumps([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
        httpserver.expect_oneshot_request(PATH).respond_with_response(Response(body, status=401))
        httpserver.expect_oneshot_request(PATH).respond_with_response(created())

        assert create() == "00T5g00000NewTaskA"
        assert len(organization) == 2

    @pytest.mark.parametrize("status", [300, 400, 403, 404])
    def test_a_refusal_is_certain(self, httpserver, status):
        httpserver.expect_request(PATH).respond_with_response(Response("[]", status=status))

        with pytest.raises(CallRefused, match=f"status_{status}"):
            create()

    def test_without_a_token_nothing_was_filed(self, httpserver, settings):
        settings.SALESFORCE_LOGIN_URL += "/nowhere"

        with pytest.raises(CallRefused, match="token_"):
            create()
        assert calls(httpserver) == []

    def test_a_token_is_never_sent_to_another_machine_in_the_clear(self, httpserver, settings):
        settings.SALESFORCE_LOGIN_URL += "/other"
        httpserver.expect_request("/other/services/oauth2/token").respond_with_json(
            {"access_token": "x", "instance_url": "http://example.com", "id": "https://x/id/00D/005"}
        )

        with pytest.raises(CallRefused, match="token_unreadable"):
            create()


class TestFind:
    def test_found_and_missing(self, httpserver):
        httpserver.expect_oneshot_request(PATH, query_string="fields=Id").respond_with_json({"Id": "00T1"})
        httpserver.expect_oneshot_request(PATH).respond_with_response(Response("[]", status=404))

        assert (find(), find()) == ("00T1", None)

    @pytest.mark.parametrize("answer", [Response("[]", status=403), Response(status=500), Response("<html>")])
    def test_anything_else_means_that_we_do_not_know(self, httpserver, answer):
        httpserver.expect_request(PATH).respond_with_response(answer)

        with pytest.raises(CallUncertain):
            find()


def test_an_account_of_salesforce_is_told_by_its_id():
    names = ["quill.test", "0065g00000OppOneAAA", "0015g00000AcctOneA", "0015g00000Other"]

    assert crm_tasks.find_account_id(names) == "0015g00000AcctOneA"
    assert crm_tasks.find_account_id(["test-account-001"]) == ""
