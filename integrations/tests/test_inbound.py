"""The inbound log: one small write a request, bounded under attack, and its page."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integrations.models import InboundRequest
from integrations.tasks import prune_inbound
from integrations.tests.doors import inbound, post
from signals.selectors import list_signals

URL = "/api/integrations/salesforce/webhook"
BRIEF = b'{"AccountId": "test-account-001", "Id": "oppty-123", "StageName": "Demo Scheduled"}'

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unsigned_allowed(settings):
    settings.ALLOW_UNSIGNED_WEBHOOKS = True


@pytest.fixture
def integrator():
    user = User.objects.create_user("pat")
    user.groups.add(Group.objects.get_or_create(name="integration")[0])
    client = Client()
    client.force_login(user)
    return client


def test_every_outcome_leaves_one_line():
    first = post(URL, BRIEF)
    post(URL, BRIEF)
    post(URL, b"{}")
    post(URL, b"{not json")
    post(URL, BRIEF, {"webhook-id": "x"})

    assert inbound() == [
        ("salesforce", 202, "", {"requests": 1, "accepted": 1}),
        ("salesforce", 202, "", {"requests": 1, "duplicates": 1}),
        ("salesforce", 202, "missing_id", {"requests": 1, "quarantined": 1}),
        ("salesforce", 400, "invalid_json", {"requests": 1}),
        ("salesforce", 401, "invalid_timestamp", {"requests": 1}),
    ]
    line = InboundRequest.objects.order_by("id").first()
    assert line.request_id == first.headers["X-Request-ID"]


def test_it_costs_one_statement_a_request_and_does_not_wait_for_the_disk():
    with CaptureQueriesContext(connection) as refused:
        post(URL, BRIEF, {"webhook-id": "x"})

    assert [query["sql"].split()[0] for query in refused] == ["WITH"]
    assert "synchronous_commit" in refused[0]["sql"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM integration_inbound")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_the_setting_ends_with_the_statement():
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = 'on'")  # the tests' servers have it off
        try:
            post(URL, BRIEF)
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("on",)
        finally:
            cursor.execute("RESET synchronous_commit")


def test_an_attack_adds_to_a_number():
    for number in range(200):
        post(URL, BRIEF, {"webhook-id": f"x-{number}"})
        post(f"/api/integrations/generic/guess-{number}/webhook", BRIEF)

    lines = inbound()
    assert len(lines) <= 4  # two doors, at most two minutes
    assert sum(line[3]["requests"] for line in lines) == 400


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_log_that_can_not_be_written_fails_nobody():
    with transaction.atomic(using="owner"), connection.cursor() as cursor:
        with connections["owner"].cursor() as owner:
            owner.execute("LOCK TABLE integration_inbound")
        cursor.execute("SET lock_timeout = '200ms'")
        try:
            response = post(URL, BRIEF)
        finally:
            cursor.execute("RESET lock_timeout")

    assert response.status_code == 202
    assert list_signals().count() == 1
    assert inbound() == []


def test_old_lines_are_pruned(settings):
    settings.INBOUND_LOG_DAYS = 30
    post(URL, BRIEF)
    old = datetime.now(UTC) - timedelta(days=31)
    InboundRequest.objects.create(source="hubspot", status=202, first_at=old, last_at=old)

    assert prune_inbound() == 1
    assert [line[0] for line in inbound()] == ["salesforce"]


def test_the_page_shows_doors_and_lines(integrator):
    post(URL, BRIEF)
    post(URL, b"{}")
    post(URL, BRIEF, {"webhook-id": "x"})

    everything = integrator.get("/integrations").content.decode()
    problems = integrator.get("/integrations?problems=1&source=salesforce").content.decode()
    nothing = integrator.get("/integrations?source=hubspot&before=5").content.decode()

    assert all(words in everything for words in ("1 new", "missing_id", "1 refused", "HubSpot", "Segment"))
    assert "1 new" not in problems
    assert "missing_id" in problems
    assert "No request matches" in nothing


def test_older_lines_are_on_the_next_page(integrator):
    now = datetime.now(UTC)
    InboundRequest.objects.bulk_create(
        InboundRequest(source="hubspot", status=202, first_at=now, last_at=now, accepted=n)
        for n in range(1, 61)
    )

    first = integrator.get("/integrations")
    second = integrator.get(f"/integrations?before={first.context['before']}")

    assert [line.accepted for line in second.context["lines"]] == list(range(10, 0, -1))
