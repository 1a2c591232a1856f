"""The Outreach client against a server that can be made to misbehave."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from integrations.calling import CallRefused, CallUncertain
from integrations.http import EgressRefused
from integrations.outreach.client import OutgoingLetter, OutreachClient, Recipient

LETTER = OutgoingLetter(subject="Hello", body="Text", headers={"List-Unsubscribe": "<http://x.test>"})
DANA = Recipient(reference="subject-1", address="dana@buyer.test", name="Dana Maria Reyes")


@pytest.fixture
def client(settings: Any, httpserver: HTTPServer) -> Iterator[OutreachClient]:
    settings.OUTREACH_BASE_URL = httpserver.url_for("/api/v2")
    settings.OUTREACH_API_KEY = "secret"
    with OutreachClient() as client:
        yield client


def created(number: str) -> dict[str, Any]:
    return {"data": {"id": number}}


class TestSendLetter:
    def test_it_speaks_json_api_and_sends_its_key(
        self, client: OutreachClient, httpserver: HTTPServer
    ) -> None:
        httpserver.expect_ordered_request("/api/v2/prospects").respond_with_json(created("7"), status=201)
        httpserver.expect_ordered_request("/api/v2/mailings").respond_with_json(created("9"), status=201)

        assert client.send_letter(key="key-1", recipient=DANA, letter=LETTER) == "9"

        (prospect, _), (mailing, _) = httpserver.log
        assert mailing.headers["Idempotency-Key"] == "key-1"
        assert mailing.headers["Authorization"] == "Bearer secret"
        assert mailing.headers["Content-Type"] == "application/vnd.api+json"
        assert prospect.headers["Idempotency-Key"] == "prospect-subject-1"
        attributes = json.loads(prospect.data)["data"]["attributes"]
        assert (attributes["firstName"], attributes["lastName"]) == ("Dana", "Maria Reyes")
        data = json.loads(mailing.data)["data"]
        assert data["relationships"]["prospect"]["data"] == {"type": "prospect", "id": "7"}
        assert data["attributes"]["clientReference"] == "key-1"
        assert "dana@buyer.test" not in mailing.data.decode()
        assert not any("dana" in request.url for request, _ in httpserver.log)

    @pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429, 302])
    def test_what_is_refused_was_not_sent(
        self, client: OutreachClient, httpserver: HTTPServer, status: int
    ) -> None:
        httpserver.expect_request("/api/v2/prospects").respond_with_json(created("7"))
        httpserver.expect_request("/api/v2/mailings").respond_with_response(Response(status=status))

        with pytest.raises(CallRefused, match=f"status_{status}"):
            client.send_letter(key="k", recipient=DANA, letter=LETTER)
        assert len(httpserver.log) == 2

    @pytest.mark.parametrize("answer", [Response(status=500), Response(status=504), Response("<html>")])
    def test_what_cannot_be_read_is_uncertain_and_not_tried_again(
        self, client: OutreachClient, httpserver: HTTPServer, answer: Response
    ) -> None:
        httpserver.expect_request("/api/v2/prospects").respond_with_json(created("7"))
        httpserver.expect_request("/api/v2/mailings").respond_with_response(answer)

        with pytest.raises(CallUncertain):
            client.send_letter(key="k", recipient=DANA, letter=LETTER)
        assert len(httpserver.log) == 2

    def test_trouble_with_the_prospect_has_sent_no_letter(
        self, client: OutreachClient, httpserver: HTTPServer
    ) -> None:
        httpserver.expect_request("/api/v2/prospects").respond_with_response(Response(status=500))

        with pytest.raises(CallRefused, match="prospect_status_500"):
            client.send_letter(key="k", recipient=DANA, letter=LETTER)

    def test_silence_is_uncertain(
        self, client: OutreachClient, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def sleep(request: Request) -> Response:
            time.sleep(0.8)
            return Response(status=201)

        monkeypatch.setattr("integrations.outreach.client.TIMEOUT_SECONDS", 0.3)
        httpserver.expect_request("/api/v2/tasks").respond_with_handler(sleep)

        with OutreachClient() as impatient, pytest.raises(CallUncertain, match="timeout"):
            impatient.create_task(key="k", subject="s", note="n", account_reference="a")


class TestFind:
    def test_found_and_missing(self, client: OutreachClient, httpserver: HTTPServer) -> None:
        query = {"filter[clientReference]": "k"}
        httpserver.expect_request("/api/v2/mailings", query_string=query).respond_with_json(
            {"data": [{"id": "9"}]}
        )
        httpserver.expect_request("/api/v2/tasks", query_string=query).respond_with_json({"data": []})

        assert client.find_mailing(key="k") == "9"
        assert client.find_task(key="k") is None

    @pytest.mark.parametrize("status", [403, 404, 500])
    def test_any_error_means_that_we_do_not_know(
        self, client: OutreachClient, httpserver: HTTPServer, status: int
    ) -> None:
        httpserver.expect_request("/api/v2/mailings").respond_with_response(Response(status=status))

        with pytest.raises(CallUncertain):
            client.find_mailing(key="k")


class TestSequence:
    def test_somebody_is_put_in_once(self, client: OutreachClient, httpserver: HTTPServer) -> None:
        query = {"filter[prospect][id]": "7", "filter[sequence][id]": "3"}
        httpserver.expect_request("/api/v2/prospects").respond_with_json(created("7"), status=201)
        httpserver.expect_oneshot_request(
            "/api/v2/sequenceStates", method="GET", query_string=query
        ).respond_with_json({"data": []})
        httpserver.expect_oneshot_request("/api/v2/sequenceStates", method="POST").respond_with_json(
            created("11"), status=201
        )
        httpserver.expect_oneshot_request(
            "/api/v2/sequenceStates", method="GET", query_string=query
        ).respond_with_json({"data": [{"id": "11"}]})

        first, again = (
            client.add_to_sequence(key="k", recipient=DANA, sequence_id="3", mailbox_id="5") for _ in range(2)
        )

        assert (first, again) == ("11", "11")
        [put_in] = [
            request for request, _ in httpserver.log if request.path.endswith("States") and request.data
        ]
        assert put_in.headers["Idempotency-Key"] == "k"
        relations = json.loads(put_in.data)["data"]["relationships"]
        assert {kind: relation["data"]["id"] for kind, relation in relations.items()} == {
            "prospect": "7",
            "sequence": "3",
            "mailbox": "5",
        }

    def test_a_lost_answer_is_settled_by_asking(self, client: OutreachClient, httpserver: HTTPServer) -> None:
        states = "/api/v2/sequenceStates"
        httpserver.expect_request("/api/v2/prospects", method="POST").respond_with_json(created("7"))
        httpserver.expect_oneshot_request(states, method="GET").respond_with_json({"data": []})
        httpserver.expect_oneshot_request(states, method="POST").respond_with_data("", status=504)
        httpserver.expect_request("/api/v2/prospects", method="GET").respond_with_json(
            {"data": [{"id": "7"}]}
        )
        httpserver.expect_oneshot_request(states, method="GET").respond_with_json({"data": [{"id": "11"}]})

        with pytest.raises(CallUncertain, match="status_504"):
            client.add_to_sequence(key="k", recipient=DANA, sequence_id="3", mailbox_id="5")
        assert client.find_sequence_state(reference="subject-1", sequence_id="3") == "11"

    def test_who_is_unknown_is_in_no_sequence(self, client: OutreachClient, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/api/v2/prospects").respond_with_json({"data": []})

        assert client.find_sequence_state(reference="subject-1", sequence_id="3") is None


def test_laboratory_mode_cannot_even_open_a_client(settings: Any) -> None:
    settings.EXECUTION_MODE = "laboratory"

    with pytest.raises(EgressRefused):
        OutreachClient()
