"""What a server may answer that no schema foresees."""

import json
from typing import Any

import pydantic
import pytest
from pytest_httpserver import HTTPServer

from integrations.llm.openai_client import LlmFailed, complete_structured


class Greeting(pydantic.BaseModel):
    word: str


def with_message(message: Any) -> str:
    return json.dumps({"choices": [{"finish_reason": "stop", "message": message}]})


@pytest.mark.parametrize(
    "body",
    [
        with_message("hello"),
        with_message(["hello"]),
        with_message({"content": ["hello"]}),
        with_message({"content": None}),
        '{"choices": [{"message": {"content": "{}"}}], "usage": {"prompt_tokens": Infinity}}',
        "[" * 100_000,
    ],
    ids=["text", "list", "content is a list", "no content", "endless usage", "endless nesting"],
)
def test_an_answer_of_another_form_is_malformed(body: str, settings: Any, httpserver: HTTPServer) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "test-key", httpserver.url_for("/v1")
    httpserver.expect_request("/v1/chat/completions").respond_with_data(body, content_type="application/json")

    with pytest.raises(LlmFailed) as failure:
        complete_structured(
            messages=[{"role": "user", "content": "Greet."}],
            schema=Greeting,
            max_output_tokens=10,
            deadline_seconds=60,
        )
    assert failure.value.reason == "malformed"
