"""Many posts at once: each gets its own right answer, and nothing is answered that is not committed."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from compliance.selectors import list_audit_events
from revctx.api.tokens import issue_token
from revctx.eventbus.models import OutboxEvent
from revctx.eventbus.topics import SIGNAL_INGESTED
from signals.models import Signal, SignalConflict, SignalKey
from signals.services import ingest_one

pytestmark = pytest.mark.django_db(transaction=True)
HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()


@pytest.fixture
def tokens():
    """Secrets of two users."""
    users = [User.objects.create_user(f"integrator-{number}") for number in range(2)]
    now = datetime.now(UTC)
    return {
        f"user:{user.pk}": issue_token(user=user, label="test", scopes=["signals:write"], now=now)
        for user in users
    }


def _body(external_id, **changes):
    return {
        "source": "web",
        "type": "pricing_page_view",
        "external_id": external_id,
        "occurred_at": HOUR_AGO,
        "account": {"domain": "acme.test"},
    } | changes


def _post_at_once(posts, threads=16):
    """Post (secret, request id, body) from many threads; return the answers in order."""

    def post(secret, request_id, body):
        client = Client(raise_request_exception=False)
        headers = {"Authorization": f"Bearer {secret}", "X-Request-ID": request_id}
        try:
            response = client.post("/api/signals", json.dumps(body), "application/json", headers=headers)
            answer = response.json()
            if response.status_code == 202:
                # Another connection, as soon as the answer is there: it must find the row.
                with psycopg.connect(**_address(), autocommit=True) as looking:
                    row = looking.execute("SELECT 1 FROM signals WHERE id = %s", [answer["id"]]).fetchone()
                assert row == (1,)
            return response.status_code, answer
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(post, *zip(*posts, strict=True)))


def _ingested():
    return OutboxEvent.objects.filter(type=SIGNAL_INGESTED)


def _address():
    settings = connection.settings_dict
    return {
        "host": settings["HOST"],
        "port": settings["PORT"],
        "dbname": settings["NAME"],
        "user": settings["USER"],
        "password": settings["PASSWORD"],
    }


def test_each_gets_its_own_right_answer(tokens):
    bodies = []
    for number in range(24):
        person = {"email": f"buyer{number % 5}@acme.test"}
        bodies += [
            _body(f"new-{number}", person=person),
            _body("same", person=person | {"email": "one@acme.test"}),
            _body("disputed", strength=1 + number % 3),
            _body(f"bad-{number}", type="horoscope"),
            _body(f"worse-{number}", person={"email": "no address"}),
        ]
    actors = list(tokens)
    posts = [(tokens[actors[n % 2]], f"trace-{n}", body) for n, body in enumerate(bodies)]

    answers = _post_at_once(posts)

    kinds = {"new": [], "same": [], "disputed": [], "bad": [], "worse": []}
    for (_, _, body), (status, answer) in zip(posts, answers, strict=True):
        kinds[body["external_id"].split("-")[0]].append((status, answer.get("status"), answer.get("id")))
    assert {(status, what) for status, what, _ in kinds["new"]} == {(202, "accepted")}
    assert len({signal_id for _, _, signal_id in kinds["new"]}) == 24
    assert Counter(what for _, what, _ in kinds["same"]) == {"accepted": 1, "duplicate": 23}
    assert len({signal_id for _, _, signal_id in kinds["same"]}) == 1
    assert Counter(what for _, what, _ in kinds["disputed"]) == {
        "accepted": 1, "conflict": 2, "duplicate": 21,
    }  # fmt: skip
    assert {status for status, _, _ in kinds["bad"] + kinds["worse"]} == {422}
    stored = 24 + 1 + 3
    assert Signal.objects.count() == stored
    assert (SignalKey.objects.count(), SignalConflict.objects.count()) == (stored - 2, 2)
    assert _ingested().count() == stored - 2
    _assert_own_trace(posts, answers, tokens)


def _assert_own_trace(posts, answers, tokens):
    """Each stored row, audit row and event carries the request and the actor that brought it."""
    actor_of = {secret: actor for actor, secret in tokens.items()}
    requests = {str(row.id): row.request_id for row in Signal.objects.all()}
    events = {event.data["signal_id"]: event.request_id for event in _ingested()}
    audit = {event.target_id: event for event in list_audit_events() if event.target_type == "signal"}
    assert set(audit) == set(requests)
    for (secret, request_id, _), (status, answer) in zip(posts, answers, strict=True):
        if status == 202 and answer["status"] != "duplicate":
            assert requests[answer["id"]] == audit[answer["id"]].request_id == request_id
            assert audit[answer["id"]].actor == actor_of[secret]
            if answer["status"] == "accepted":
                assert events[answer["id"]] == request_id


def test_a_row_that_the_database_refuses_fails_alone(tokens, services):
    """The refusal comes from PostgreSQL itself, so that the whole group is rolled back first."""
    with services.postgres.connect_superuser() as superuser:
        superuser.execute("ALTER TABLE signals ADD CONSTRAINT refused CHECK (strength <> 9.5) NOT VALID")
        try:
            secret = next(iter(tokens.values()))
            posts = [
                (secret, f"trace-{n}", _body(f"event-{n}", strength=9.5 if n in {3, 17} else 1))
                for n in range(32)
            ]
            statuses = [status for status, _ in _post_at_once(posts)]
        finally:
            superuser.execute("ALTER TABLE signals DROP CONSTRAINT refused")

    assert [n for n, status in enumerate(statuses) if status == 500] == [3, 17]
    assert statuses.count(202) == Signal.objects.count() == _ingested().count() == 30


def test_groups_are_shared_and_answers_stop_when_the_database_does(tokens, services, monkeypatch):
    """Backends are killed in the middle of the load: what was answered 202 is there, the rest is a 503."""
    sizes = []
    store = ingest_one.store_each
    monkeypatch.setattr(
        ingest_one, "store_each", lambda **given: sizes.append(len(given["arrivals"])) or store(**given)
    )
    secret = next(iter(tokens.values()))
    posts = [(secret, f"trace-{n}", _body(f"event-{n}")) for n in range(120)]

    with ThreadPoolExecutor(1) as aside, services.postgres.connect_superuser() as superuser:
        answered = aside.submit(_post_at_once, posts, 24)
        killed = 0
        while not answered.done():
            if killed < 6:
                killed += len(
                    superuser.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE usename = 'revctx_app' AND state = 'active' AND query LIKE 'INSERT%'"
                    ).fetchall()
                )
        answers = answered.result()

    assert {status for status, _ in answers} <= {202, 503}
    told = {answer["id"] for status, answer in answers if status == 202}
    assert told <= {str(pk) for pk in Signal.objects.values_list("id", flat=True)}
    assert Signal.objects.count() == SignalKey.objects.count() == _ingested().count()
    assert max(sizes) > 1
    assert {status for status, _ in _post_at_once(posts[:2])} == {202}
