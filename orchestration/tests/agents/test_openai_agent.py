"""The OpenAI-compatible path over real HTTP: the request as sent, and every way an answer can fail."""

import json
import time
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from integrations.llm.openai_client import BREAKER
from orchestration.agents.openai_agent import OpenAIAgent
from orchestration.agents.protocol import DraftConfig, DraftOutcome
from orchestration.agents.schema import DraftV1
from orchestration.services import draft_with
from orchestration.tests.factories import make_draft, make_pack

CONFIG = DraftConfig(words=(40, 130))


def completion(content: str | None, *, finish: str = "stop", refusal: str | None = None) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 0,
        "model": "gpt-5-mini",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": content, "refusal": refusal},
            }
        ],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
    }


GOOD = completion(make_draft().model_dump_json())


@pytest.fixture(autouse=True)
def _llm(settings: Any, httpserver: HTTPServer) -> None:
    settings.OPENAI_API_KEY = "test-key"
    settings.OPENAI_BASE_URL = httpserver.url_for("/v1")
    settings.OPENAI_MODEL = "gpt-5-mini"
    settings.OPENAI_PRICES = [0.25, 2.0]


def answer(httpserver: HTTPServer, *answers: dict[str, Any] | Response) -> None:
    for item in answers:
        handler = httpserver.expect_ordered_request("/v1/chat/completions", method="POST")
        if isinstance(item, Response):
            handler.respond_with_response(item)
        else:
            handler.respond_with_json(item)


def draft(config: DraftConfig = CONFIG, facts: tuple[dict[str, Any], ...] = ({},)) -> DraftOutcome:
    return draft_with(config, make_pack(*facts), OpenAIAgent(model="gpt-5-mini"))


def outcomes(outcome: DraftOutcome) -> list[tuple[str, str]]:
    return [(run.provider, run.outcome) for run in outcome.runs]


class TestRequest:
    def test_the_strict_schema_and_typed_facts_are_sent(self, httpserver: HTTPServer) -> None:
        answer(httpserver, GOOD)

        draft(facts=({"attributes": {"limit": 50, "note": "a\u200bb"}, "signal_count": 4},))

        request, _ = httpserver.log[0]
        body = json.loads(request.data)
        assert request.headers["Authorization"] == "Bearer test-key"
        assert body["model"] == "gpt-5-mini"
        assert body["max_completion_tokens"] == 1200
        assert "tools" not in body
        schema = body["response_format"]["json_schema"]
        assert body["response_format"]["type"] == "json_schema"
        assert schema["strict"] is True
        assert schema["schema"] == DraftV1.model_json_schema()
        for part in [schema["schema"], *schema["schema"]["$defs"].values()]:
            assert part["additionalProperties"] is False
            assert sorted(part["required"]) == sorted(part["properties"])
        user = body["messages"][1]["content"]
        assert "[s1] type=pricing_page_view signals=4 latest=18 November 2026" in user
        assert "limit=50" in user
        assert "\u200b" not in user
        assert "sector retail, 820 employees" in user

    def test_nothing_personal_is_sent(self, httpserver: HTTPServer) -> None:
        answer(httpserver, GOOD)
        pack = make_pack({})

        draft_with(CONFIG, pack, OpenAIAgent(model="gpt-5-mini"))

        sent = httpserver.log[0][0].data.decode()
        for secret in (pack.contacts[0].subject_id, pack.contacts[0].contact_id, pack.account_id):
            assert str(secret) not in sent
        assert "northwind" not in sent.lower()


class TestAnswers:
    def test_a_good_answer_is_used_and_priced(self, httpserver: HTTPServer) -> None:
        answer(httpserver, GOOD)

        outcome = draft()

        assert outcome.draft == make_draft()
        assert (outcome.provider, outcome.repaired, outcome.fell_back) == ("openai", False, False)
        [run] = outcome.runs
        assert (run.input_tokens, run.output_tokens) == (1000, 200)
        assert run.micro_dollars == 650  # 1000 × $0.25 + 200 × $2.00 a million
        assert run.finish_reason == "stop"

    def test_a_call_without_known_prices_says_so(self, httpserver: HTTPServer, settings: Any) -> None:
        settings.OPENAI_PRICES = []
        answer(httpserver, GOOD)

        [run] = draft().runs

        assert (run.micro_dollars, run.price_version) == (0, "unpriced")

    @pytest.mark.parametrize(
        ("first", "reason"),
        [
            (completion("{not json"), "malformed"),
            (completion('{"angle": "x"}'), "malformed"),
            (completion("{", finish="length"), "truncated"),
        ],
    )
    def test_malformed_and_truncated_answers_get_one_repair(
        self, httpserver: HTTPServer, first: dict[str, Any], reason: str
    ) -> None:
        answer(httpserver, first, GOOD)

        outcome = draft()

        assert outcomes(outcome) == [("openai", reason), ("openai", "ok")]
        assert outcome.repaired
        repair = json.loads(httpserver.log[1][0].data)["messages"][-1]["content"]
        assert "refused" in repair

    def test_an_unverified_draft_is_repaired_with_the_findings(self, httpserver: HTTPServer) -> None:
        bad = make_draft(subject="Your 99 questions").model_dump_json()
        answer(httpserver, completion(bad), GOOD)

        outcome = draft()

        assert outcome.repaired
        assert "99" in json.loads(httpserver.log[1][0].data)["messages"][-1]["content"]

    def test_still_unverified_after_the_repair_falls_back_to_templates(self, httpserver: HTTPServer) -> None:
        bad = completion(make_draft(subject="Visit www.evil.example").model_dump_json())
        answer(httpserver, bad, bad)

        outcome = draft()

        assert outcomes(outcome) == [("openai", "ok"), ("openai", "ok"), ("template", "ok")]
        assert outcome.fell_back
        assert outcome.reason == "unverified"
        assert "evil" not in str(outcome.draft)

    def test_a_refusal_falls_back_at_once(self, httpserver: HTTPServer) -> None:
        answer(httpserver, completion(None, refusal="I can't help with that."))

        outcome = draft()

        assert outcomes(outcome) == [("openai", "refused"), ("template", "ok")]

    def test_the_model_may_abstain_and_is_obeyed(self, httpserver: HTTPServer) -> None:
        abstain = make_draft().model_dump() | {"abstain": {"flag": True, "reason": "Deal is open."}}
        answer(httpserver, completion(json.dumps(abstain)))

        outcome = draft()

        assert outcome.draft is None
        assert outcome.reason == "abstained"
        assert outcomes(outcome) == [("openai", "ok")]

    def test_without_usable_evidence_even_templates_abstain_with_the_reasons(
        self, httpserver: HTTPServer
    ) -> None:
        answer(httpserver, completion(None, refusal="No."))

        outcome = draft(facts=({"type": "unsubscribed"},))

        assert outcome.draft is None
        assert outcome.reason == "refused, then no_evidence"

    def test_a_server_error_is_tried_once_more(self, httpserver: HTTPServer) -> None:
        answer(httpserver, Response(status=500), GOOD)

        assert outcomes(draft()) == [("openai", "ok")]

    def test_two_server_errors_fall_back(self, httpserver: HTTPServer) -> None:
        answer(httpserver, Response(status=503), Response(status=429))

        assert outcomes(draft()) == [("openai", "unavailable"), ("template", "ok")]

    def test_a_dripping_answer_ends_at_the_deadline(self, httpserver: HTTPServer) -> None:
        def drip(request: Request) -> Response:
            def pieces() -> Any:
                for _ in range(50):
                    time.sleep(0.1)
                    yield b" "

            return Response(pieces(), mimetype="application/json")

        httpserver.expect_request("/v1/chat/completions").respond_with_handler(drip)
        started = time.monotonic()

        outcome = draft(DraftConfig(words=(40, 130), deadline_seconds=0.8))

        assert time.monotonic() - started < 3
        assert outcomes(outcome) == [("openai", "timeout"), ("template", "ok")]

    def test_a_silent_server_ends_at_the_deadline(self, httpserver: HTTPServer) -> None:
        def sleep(request: Request) -> Response:
            time.sleep(1.5)
            return Response(status=200)

        httpserver.expect_request("/v1/chat/completions").respond_with_handler(sleep)

        outcome = draft(DraftConfig(words=(40, 130), deadline_seconds=0.5))

        assert outcomes(outcome) == [("openai", "timeout"), ("template", "ok")]
        assert len(httpserver.log) <= 1

    def test_laboratory_mode_calls_nobody(self, settings: Any, httpserver: HTTPServer) -> None:
        from integrations.http import EgressRefused

        settings.EXECUTION_MODE = "laboratory"

        with pytest.raises(EgressRefused):
            draft()
        assert httpserver.log == []


class TestBreaker:
    def test_five_failures_spare_the_server(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/v1/chat/completions").respond_with_response(Response(status=503))

        for _ in range(5):
            draft()
        outcome = draft()

        # An earlier test's slow answer may be logged only now, so only the refusals are counted.
        assert sum(response.status_code == 503 for _, response in httpserver.log) == 10
        assert BREAKER.is_open()
        assert outcomes(outcome) == [("openai", "breaker_open"), ("template", "ok")]

    def test_a_success_forgets_the_failures(self, httpserver: HTTPServer) -> None:
        answer(httpserver, *[Response(status=503)] * 8, GOOD, *[Response(status=503)] * 8)

        for _ in range(9):
            draft()

        assert not BREAKER.is_open()
