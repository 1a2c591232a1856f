"""The whole way: a local Pub/Sub server, gRPC, Avro, PostgreSQL, and every kind of interruption."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from integrations.http import EgressRefused
from integrations.salesforce.changes import cursors
from integrations.salesforce.changes.following import follow
from integrations.salesforce.changes.pubsub import PubSubStream
from integrations.salesforce.changes.tests.factories import ACCOUNT, change
from integrations.salesforce.changes.tests.pubsub_server import PubSubServer, replay_id
from integrations.tokens import Token, TokenCache
from signals.selectors import list_open_quarantine, list_signals

TOPIC = "/data/OpportunityChangeEvent"
ORGANIZATION = "00D5g00000ABCdeEAF"


def staged(stage="Demo Scheduled"):
    return change(AccountId=ACCOUNT, StageName=stage)


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def server():
    server = PubSubServer()
    yield server
    server.stop()


class Follower:
    """A follower in a thread of its own, with a database connection of its own."""

    def __init__(self, url, ask):
        self.stream = PubSubStream(url=url, tokens=TokenCache(ask))
        self.stop_asked = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        follow(
            stream=self.stream, topic=TOPIC, stop=self.stop_asked, clock=lambda: datetime.now(UTC),
            first_wait_seconds=0.05,
        )  # fmt: skip
        connection.close()

    def stop(self):
        self.stop_asked.set()
        self.stream.close()
        self.thread.join(5)
        assert not self.thread.is_alive()


@pytest.fixture
def start(server):
    followers = []

    def begin(ask=None):
        given = Token(value=server.token, instance_url="https://x.test", organization_id=ORGANIZATION)
        followers.append(Follower(server.url, ask or (lambda deadline: given)))
        return followers[-1]

    yield begin
    for follower in followers:
        follower.stop()


def is_at(number):
    return lambda: cursors.find_position(TOPIC) == replay_id(number - 1)


@pytest.mark.django_db(transaction=True)
class TestFollowing:
    def test_changes_become_signals_and_survive_a_hang_up_and_a_restart(self, server, start):
        server.publish(staged("Before anybody listened"))
        follower = start()
        wait_for(is_at(1))
        server.publish(staged(), staged())
        wait_for(is_at(3))
        server.hang_up()
        server.publish(staged())
        wait_for(is_at(4))
        follower.stop()
        server.publish(staged(), change("GAP_UPDATE"), b"not this schema")
        start()
        wait_for(is_at(7))

        assert list_signals().count() == 4
        reasons = {row.reason for row in list_open_quarantine()}
        assert reasons == {"gap_update", "undecodable_change"}
        asked = [(request.replay_preset, request.replay_id) for request in server.requests[:1]]
        assert asked == [(0, b"")]
        assert (2, replay_id(2)) in [(r.replay_preset, r.replay_id) for r in server.requests]

    def test_more_than_one_page_is_asked_for_piece_by_piece(self, server, start):
        start()
        wait_for(is_at(0))
        server.publish(*(staged() for _ in range(230)))
        wait_for(is_at(230))

        assert list_signals().count() == 230
        assert server.schema_calls == 1
        assert {request.num_requested for request in server.requests} == {100}

    def test_a_position_that_is_no_longer_kept_leaves_a_note(self, server, start):
        cursors.move(topic=TOPIC, position=replay_id(1), now=datetime.now(UTC))
        server.publish(*(staged() for _ in range(6)))
        server.oldest = 4
        start()
        wait_for(is_at(6))

        assert list_signals().count() == 2
        assert [row.reason for row in list_open_quarantine()] == ["position_lost"]

    def test_a_token_that_ran_out_is_asked_for_again(self, server, start):
        tokens = iter(["too-old", server.token])
        start(lambda deadline: Token(
            value=next(tokens), instance_url="https://x.test", organization_id=ORGANIZATION))  # fmt: skip
        wait_for(is_at(0))


def test_laboratory_mode_subscribes_to_nothing(settings):
    settings.EXECUTION_MODE = "laboratory"

    with pytest.raises(EgressRefused):
        PubSubStream(url="https://api.example.test:7443", tokens=TokenCache(lambda _: Token(value="x")))


@pytest.mark.django_db(transaction=True)
class TestCommand:
    def test_without_settings_it_says_what_is_missing(self):
        with pytest.raises(CommandError, match="SALESFORCE_CHANGE_TOPIC"):
            call_command("salesforce_cdc")

    def test_it_signs_in_follows_and_stops_when_told(self, server, httpserver):
        httpserver.expect_request("/services/oauth2/token", method="POST").respond_with_json(
            {
                "access_token": server.token,
                "instance_url": "https://x.test",
                "id": f"https://login.salesforce.com/id/{ORGANIZATION}/0055g000000Q6ipYAC",
                "token_type": "Bearer",
            }
        )
        process = _command(
            {
                "SALESFORCE_CHANGE_TOPIC": TOPIC,
                "SALESFORCE_PUBSUB_URL": server.url,
                "SALESFORCE_LOGIN_URL": httpserver.url_for("").rstrip("/"),
                "SALESFORCE_CLIENT_ID": "id",
                "SALESFORCE_CLIENT_SECRET": "secret",
            }
        )
        try:
            wait_for(is_at(0), 45)
            server.publish(staged())
            wait_for(is_at(1))
            assert list_signals().count() == 1
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def _command(settings):
    name = connection.settings_dict["NAME"]
    url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "salesforce_cdc"],
        env=os.environ | {"DATABASE_URL": url} | settings,
        stderr=subprocess.DEVNULL,
    )
