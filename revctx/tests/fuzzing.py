"""Requests made up from the OpenAPI schema, sent in-process, and what became of them.

Nothing stops at the first failure: each failing operation is told once, with the shortest request that
reproduces it. Ids that answers name are used again, so that requests reach things that exist.
"""

import json
import re
import time
import traceback
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from django.core.signals import got_request_exception
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from revctx.wsgi import application

KEPT_IDS = 40
EVERY_ANONYMOUS = 5
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# A value that stands in for a path parameter, or None for the generated one.
_CHOICE = st.one_of(st.none(), st.integers(0, KEPT_IDS - 1))
_LATIN = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=140).map(str.strip)
_HEADERS = st.dictionaries(
    st.sampled_from(["Idempotency-Key", "X-Request-ID", "Content-Encoding"]), _LATIN, max_size=2
)


@schemathesis.serializer("application/x-ndjson")  # type: ignore[untyped-decorator]
def _print_lines(context: Any, value: Any) -> bytes:
    """Return a body as one JSON document a line; texts and bytes as they are."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return b"\n".join(json.dumps(line).encode() for line in (value if isinstance(value, list) else [value]))


@dataclass
class Tally:
    """What became of the requests so far."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[tuple[str, int, str], str] = field(default_factory=dict)
    ids: defaultdict[str, deque[str]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=KEPT_IDS))
    )
    seconds: float = 0.0

    def note(self, label: str, response: Any, request: str, error: str) -> None:
        """Count an answer; keep the shortest request of each failure, and the ids of a success."""
        self.cases += 1
        self.statuses[response.status_code] += 1
        if response.status_code >= 500:
            key = (label, response.status_code, error.rpartition("\n")[2])
            told = f"{label} → {response.status_code}\n{request}\n{error}"
            if key not in self.failures or len(told) < len(self.failures[key]):
                self.failures[key] = told
        elif response.status_code < 300:
            found = _ID.findall(response.content[:20_000].decode("utf-8", "replace"))
            self.ids[root_of(label.split()[1])].extend(found[:5])

    def report(self) -> str:
        """Return one line of numbers and every failure."""
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        head = f"{self.cases} cases in {self.seconds:.0f} s; {statuses}"
        return "\n\n".join([head, *(text[:4000] for text in self.failures.values())])


def root_of(path: str) -> str:
    """Return the part of a path that says which kind of ids it takes."""
    return path.removeprefix("/api/").partition("/")[0]


MODES = (GenerationMode.NEGATIVE, GenerationMode.POSITIVE)


def fuzz(
    *, token: str, examples: int, number: int, tally: Tally, only: str = "", in_turn: bool = False
) -> None:
    """Send `examples` valid and as many invalid requests to each operation of the schema.

    Every fifth is sent again without the token; `number` seeds the requests; `only` is a part of the paths
    to send to; `in_turn` sends invalid requests to every other operation and valid ones to the rest.
    """
    began = time.monotonic()
    schema = load_schema()
    with caught_errors() as errors:
        for place, result in enumerate(schema.get_all_operations()):
            operation = result.ok()
            if only not in operation.path:
                continue
            for mode in (MODES[(place + number) % 2],) if in_turn else MODES:
                _fuzz_operation(operation, mode, token, examples, number, tally, errors)
    tally.seconds += time.monotonic() - began


def load_schema() -> Any:
    """Return the schema as the API serves it, NULs allowed in what is made from it."""
    generation = schemathesis.config.GenerationConfig(allow_x00=True, with_security_parameters=False)
    projects = schemathesis.config.ProjectsConfig(
        default=schemathesis.config.ProjectConfig(generation=generation)
    )
    config = schemathesis.Config(projects=projects)
    return schemathesis.openapi.from_wsgi("/api/schema", application, config=config)


@contextmanager
def caught_errors() -> Iterator[list[str]]:
    """Collect the traces of exceptions that views raised, the latest last."""
    errors: list[str] = []

    def note(sender: Any, **_: Any) -> None:
        errors.append(traceback.format_exc(limit=-6).strip())

    got_request_exception.connect(note)
    try:
        yield errors
    finally:
        got_request_exception.disconnect(note)


def _fuzz_operation(
    operation: Any,
    mode: GenerationMode,
    token: str,
    examples: int,
    number: int,
    tally: Tally,
    errors: list[str],
) -> None:
    label = f"{operation.method.upper()} {operation.path}"
    authorization = {"Authorization": f"Bearer {token}"}

    @seed(number)
    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), choice=_CHOICE, headers=_HEADERS)
    def send(case: Any, choice: int | None, headers: dict[str, str]) -> None:
        known = tally.ids[root_of(operation.path)]
        if choice is not None and known:
            for name in case.path_parameters or {}:
                case.path_parameters[name] = known[choice % len(known)]
        for sent in (headers | authorization, headers)[: 1 + (tally.cases % EVERY_ANONYMOUS == 0)]:
            errors.clear()
            response = case.call(headers=sent)
            tally.note(label, response, describe(case, headers), errors[-1] if errors else "")

    try:
        send()
    except Unsatisfiable:
        return  # there is nothing to get wrong in a request without parameters


def describe(case: Any, headers: dict[str, str]) -> str:
    """Return what was sent, to send it again by hand."""
    sent = {
        "path": case.path_parameters,
        "query": case.query,
        "headers": {**(case.headers or {}), **headers},
        "media_type": case.media_type,
        "body": case.body,
    }
    return json.dumps(sent, default=repr)[:2000]
