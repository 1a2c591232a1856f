"""Facts of companies from the CRM and from people."""

from datetime import UTC, datetime, timedelta

import pytest

from compliance.selectors import list_audit_events
from contexts import selectors
from contexts.models import EnrichmentRecord
from contexts.services.enrichment import record_enrichment
from contexts.tests.factories import make_draft, score_signals

pytestmark = pytest.mark.django_db
URL = "/api/accounts/crm-1/facts"


def now():
    return datetime.now(UTC)


@pytest.fixture
def client(api_client):
    score_signals(make_draft("demo_requested"))
    return api_client("accounts:read", "accounts:write")


def tell(client, source, **facts):
    return client.post(URL, {"source": source, "facts": facts})


def test_facts_change_the_fit_and_the_priority_at_once(client):
    before = client.get("/api/accounts/crm-1/score").json()

    answer = tell(client, "crm", industry="Retail", employees=820, annual_revenue=2e7)

    assert answer.status_code == 200
    assert answer.json()["attributes"] == {"industry": "retail", "employees": 820, "annual_revenue": 2e7}
    after = client.get("/api/accounts/crm-1/score").json()
    assert after["fit"] == answer.json()["fit"] > before["fit"]
    assert after["priority"] > before["priority"]
    assert client.get("/api/accounts").json()["results"][0]["fit"] == after["fit"]
    event = list_audit_events(name="account.facts_recorded").get()
    assert event.payload == {"source": "crm", "facts": "annual_revenue employees industry"}
    assert event.actor == f"user:{client.user.pk}"


def test_the_crm_overrules_a_provider_whoever_came_first(client):
    account_id = selectors.get_account_id("crm-1")
    bought = {"industry": "mining", "country": "DE"}
    record_enrichment(account_id=account_id, provider="clearbit", facts=bought, now=now())
    tell(client, "crm", industry="Retail")
    record_enrichment(account_id=account_id, provider="clearbit", facts=bought, now=now())

    assert selectors.get_account("crm-1").attributes == {"industry": "retail", "country": "de"}


def test_of_people_and_the_crm_the_last_word_counts(client):
    tell(client, "user", employees=10)
    tell(client, "crm", employees=20)
    assert selectors.get_account("crm-1").attributes["employees"] == 20

    tell(client, "user", employees=30)
    assert selectors.get_account("crm-1").attributes["employees"] == 30


def test_the_fit_of_before_stays_what_it_was(client):
    before = client.get("/api/accounts/crm-1/score").json()["fit"]
    instant = now()
    tell(client, "crm", industry="retail")

    past = {"known_at": (instant - timedelta(microseconds=1)).isoformat()}
    assert client.get("/api/accounts/crm-1/score", past).json()["fit"] == before


def test_a_second_word_leaves_the_fit_after_the_first_one_as_it_was(client):
    answers = [tell(client, "crm", industry=industry).json() for industry in ("retail", "mining")]
    first, second = EnrichmentRecord.objects.order_by("recorded_at")
    assert [record.provider for record in (first, second)] == ["crm", "crm"]

    past = {"known_at": first.recorded_at.isoformat()}
    assert client.get("/api/accounts/crm-1/score", past).json()["fit"] == answers[0]["fit"]
    now_known = client.get("/api/accounts/crm-1/score").json()["fit"]
    assert now_known == answers[1]["fit"] != answers[0]["fit"]


@pytest.mark.parametrize(
    "facts",
    [
        {"employees": "many"},
        {"employees": -1},
        {"industry": "robin@acme.example"},
        {"technologies": []},
        {"owner": "Robin"},
        {"industry": None},
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_stored(client, facts):
    answer = tell(client, "crm", country="FR", **facts)

    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [f"facts.{name}" for name in facts]
    assert selectors.get_account("crm-1").attributes == {}


@pytest.mark.parametrize(
    "body", [{}, {"source": "clearbit", "facts": {"country": "FR"}}, {"source": "crm", "facts": {}}, []]
)
def test_bodies_that_do_not_fit_are_refused(client, body):
    assert client.post(URL, body).status_code in {400, 422}


def test_unknown_accounts_and_missing_scopes(client, api_client):
    body = {"source": "crm", "facts": {"country": "FR"}}

    assert client.post("/api/accounts/nobody/facts", body).status_code == 404
    assert api_client("accounts:read").post(URL, body).status_code == 403
