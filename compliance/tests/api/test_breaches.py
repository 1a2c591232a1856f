"""A breach from the first hour to its end, through the API."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from compliance import erasure, subjects
from compliance.breaches import registry
from compliance.models import AuditLog
from compliance.tests.factories import grant_consent

pytestmark = pytest.mark.django_db
URL = "/api/compliance/breaches"


@pytest.fixture
def officer(caller):
    return caller("privacy:write")


@pytest.fixture
def people():
    """Three that became known: yesterday in Germany, an hour ago with no consent, and one erased since."""
    now = timezone.now()
    earlier = now - timedelta(days=1)
    grant_consent(email="early@northwind.example", jurisdiction="DE", now=earlier)
    late, gone = (
        subjects.ensure_subjects(emails=[email], now=now - timedelta(hours=1))[email]
        for email in ("late@northwind.example", "gone@northwind.example")
    )
    erasure.erase(subject_id=gone, actor="user:1", now=now)
    return {
        "early": subjects.find_subject(email="early@northwind.example"),
        "late": late,
        "gone": gone,
        "now": now,
    }


def body(people, **changes):
    return {
        "summary": "A backup of the table of persons was read by a stranger.",
        "nature": "confidentiality",
        "risk": "high",
        "places": ["subjects", "consent_revisions"],
        "recorded_until": (people["now"] + timedelta(minutes=1)).isoformat(),
        "aware_at": (people["now"] - timedelta(hours=2)).isoformat(),
    } | changes


def post(client, data, path=""):
    return client.post(URL + path, data, content_type="application/json")


def record(client, people, **changes):
    made = post(client, body(people, **changes))
    assert made.status_code == 201, made.content
    return made.json()


def test_counts_those_it_concerns_and_lists_their_addresses_once_asked(officer, people):
    path = f"/{record(officer, people)['id']}/affected"

    counts = officer.get(URL + path).json()
    listed = officer.post(URL + path)

    assert counts == {
        "persons": 2,
        "erased": 1,
        "by_place": {"consent_revisions": 1, "subjects": 2},
        "by_jurisdiction": {"DE": 1, "unknown": 1},
    }
    rows = sorted(line.split(",")[1:] for line in listed.content.decode().splitlines()[1:])
    assert rows == [
        ["early@northwind.example", "DE", "consent_revisions subjects"],
        ["late@northwind.example", "unknown", "subjects"],
    ]
    names = set(AuditLog.objects.values_list("name", flat=True))
    assert {"breach.affected_listed", "subject.opened"} <= names


def test_a_period_narrows_whom_it_concerns(officer, people):
    since = (people["now"] - timedelta(hours=3)).isoformat()
    made = record(officer, people, recorded_from=since, places=["subjects"])

    assert officer.get(f"{URL}/{made['id']}/affected").json()["persons"] == 1


def test_every_place_with_a_finder_can_be_asked(officer, people):
    assert {"signals", "contexts_contact", "actions", "outreach"} <= set(registry.list_searchable())
    made = record(officer, people, places=registry.list_searchable())
    assert officer.get(f"{URL}/{made['id']}/affected").status_code == 200


def test_is_closed_when_authority_and_persons_are_settled(officer, people):
    path = f"/{record(officer, people)['id']}/decisions"

    early = post(officer, {"move": "closed"}, path)
    for move, code in (("reported", ""), ("telling_waived", "data_encrypted"), ("closed", "")):
        answer = post(officer, {"move": move, "code": code}, path)
        assert answer.status_code == 200, answer.content
    again = post(officer, {"move": "reported"}, path)

    assert (early.status_code, again.status_code) == (422, 422)
    assert answer.json()["closed_at"]
    names = AuditLog.objects.filter(target_type="breach").order_by("recorded_at", "id")
    assert list(names.values_list("name", flat=True)) == [
        "breach.recorded", "breach.reported", "breach.telling_waived", "breach.closed",
    ]  # fmt: skip


def test_after_72_hours_the_report_says_why_it_is_late(officer, people):
    aware = people["now"] - timedelta(hours=73)
    path = f"/{record(officer, people, aware_at=aware.isoformat())['id']}/decisions"

    silent = post(officer, {"move": "reported"}, path)
    excused = post(officer, {"move": "reported", "code": "investigation"}, path)

    assert silent.status_code == 422
    assert set(silent.json()["error"]["fields"]) == {"code"}
    assert excused.json()["authority_code"] == "investigation"


@pytest.mark.parametrize("move", ["reported", "persons_told"])
def test_a_code_is_never_a_text_of_ones_own(officer, people, move):
    made = record(officer, people)

    refused = post(officer, {"move": move, "code": "told ann@northwind.example"}, f"/{made['id']}/decisions")

    assert refused.status_code == 422
    assert set(refused.json()["error"]["fields"]) == {"code"}
    assert officer.get(f"{URL}/{made['id']}").json() == made
    assert not AuditLog.objects.filter(name=f"breach.{move}").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("places", ["the moon"]),
        ("risk", "none"),
        ("nature", "theft"),
        ("aware_at", "2999-01-01T00:00:00Z"),
        ("recorded_from", "2998-01-01T00:00:00Z"),
        ("summary", " "),
        ("summary", "The address ann@northwind.example was shown to a stranger."),
    ],
)
def test_refuses_what_does_not_fit_and_stores_nothing(officer, people, field, value):
    refused = post(officer, body(people, **{field: value}))

    assert refused.status_code == 422
    assert field in refused.json()["error"]["fields"]
    assert officer.get(URL).json()["results"] == []


def test_is_for_privacy_officers(caller, officer, people):
    made = record(officer, people)
    stranger = caller("audit:read")

    assert stranger.get(f"{URL}/{made['id']}/affected").status_code == 403
    assert officer.get(f"{URL}/{uuid4()}").status_code == 404
