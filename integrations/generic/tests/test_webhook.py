"""Any JSON source: entered in the admin, tried on its page, and then at its door."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from integrations.models import MappedSource
from integrations.standard_webhooks import sign
from integrations.tests.doors import assert_refused, inbound, post, stored_text
from signals.selectors import list_open_quarantine, list_signals

URL = "/api/integrations/generic/typeform/webhook"
PAGE = "/integrations/sources/typeform"
ADD = "/admin/integrations/mappedsource/add/"
SECRET = "a-secret-of-sixteen-or-more"
FORM = {
    "slug": "typeform",
    "label": "Typeform",
    "enabled": "on",
    "new_secret": SECRET,
    "events": "events",
    "type": "kind",
    "external_id": "token",
    "natural_key": "token",
    "occurred_at": "submitted_at",
    "account_domain": "company.domain",
    "account_crm_id": "company.crm",
    "person_mail": "hidden.email",
    "person_name": "join(' ', [hidden.first, hidden.last])",
    "attributes": json.dumps({"seats": "answers[?field == 'seats'].number | [0]", "note": "note"}),
    "translations": json.dumps({"type": {"form.demo": "demo_requested", "form.trial": "trial_started"}}),
}
EVENT = {
    "kind": "form.demo",
    "token": "t-1",
    "submitted_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
    "company": {"domain": "Acme.Test"},
    "hidden": {"email": "zoe@quill.test", "first": "Zoe", "last": "Quill"},
    "answers": [{"field": "seats", "number": 40}],
    "note": "call me in confidence",
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _signed_only(settings):
    settings.ALLOW_UNSIGNED_WEBHOOKS = False


@pytest.fixture
def admin():
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def _source(admin):
    assert admin.post(ADD, FORM).status_code == 302


def _body(*events):
    return json.dumps({"events": list(events)}).encode()


def _signed(raw, *, secret=SECRET, at=None, webhook_id="msg_1"):
    timestamp = int(at or time.time())
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret=secret, webhook_id=webhook_id, timestamp=timestamp, body=raw),
    }


def _change(admin, **changes):
    form = {name: value for name, value in (FORM | {"new_secret": ""} | changes).items() if name != "slug"}
    return admin.post(f"/admin/integrations/mappedsource/{MappedSource.objects.get().pk}/change/", form)


@pytest.mark.usefixtures("_source")
def test_a_body_becomes_signals_by_the_mapping():
    raw = _body(
        EVENT, EVENT | {"token": "t-2", "kind": "form.trial"}, EVENT | {"token": "t-3", "kind": "other"}
    )

    answer = post(URL, raw, _signed(raw)).json()

    assert [item["status"] for item in answer["signals"]] == ["accepted", "accepted"]
    assert [item["reason"] for item in answer["quarantined"]] == ["untranslated_type"]
    demo = list_signals().get(type="demo_requested")
    assert (demo.source, demo.account, demo.attributes) == (
        "typeform",
        {"domain": "acme.test"},
        {"seats": 40},
    )
    assert demo.subject_id is not None
    assert not [word for word in ("quill", "confidence") if word in stored_text()]
    counts = {"requests": 1, "accepted": 2, "quarantined": 1}
    assert inbound() == [("typeform", 202, "untranslated_type", counts)]
    again = post(URL, raw, _signed(raw, webhook_id="msg_2")).json()
    assert [item["status"] for item in again["signals"]] == ["duplicate", "duplicate"]


@pytest.mark.usefixtures("_source")
def test_everything_else_is_refused_alike(admin):
    raw = _body(EVENT)
    for url, headers in [
        (URL, {}),
        (URL, _signed(raw, secret="not-the-secret-of-this")),
        (URL, _signed(raw, at=time.time() - 301)),
        (URL, _signed(json.dumps(json.loads(raw), indent=1).encode())),
        (URL.replace("typeform", "nowhere"), _signed(raw)),
        (URL.replace("typeform", "x" * 2000), _signed(raw)),
        (URL.replace("typeform", "%00"), _signed(raw)),
    ]:
        assert_refused(post(url, raw, headers))
    assert _change(admin, enabled="").status_code == 302
    assert_refused(post(URL, raw, _signed(raw)))

    assert {line[0] for line in inbound()} == {"typeform", "unknown"}


@pytest.mark.usefixtures("_source")
def test_a_new_secret_joins_the_former_until_that_is_forgotten(admin):
    raw = _body(EVENT)
    newer = "another-secret-of-sixteen"

    _change(admin, new_secret=newer)
    both = [post(URL, raw, _signed(raw, secret=secret)).status_code for secret in (SECRET, newer)]
    _change(admin, forget_former="on")
    then = [post(URL, raw, _signed(raw, secret=secret)).status_code for secret in (SECRET, newer)]

    assert (both, then) == ([202, 202], [401, 202])
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(s::text, '') FROM integration_sources s")
        assert "secret-of-sixteen" not in cursor.fetchone()[0]
        cursor.execute(
            "SELECT name FROM audit_logs WHERE target_type = 'integration_source' ORDER BY recorded_at"
        )
        names = [name for (name,) in cursor.fetchall()]
    assert names == ["integration_source.created"] + ["integration_source.changed"] * 2
    page = admin.get(f"/admin/integrations/mappedsource/{MappedSource.objects.get().pk}/change/")
    assert newer not in page.content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "kind["}, "type"),
        ({"person_mail": "nonsense(hidden)"}, "person_mail"),
        ({"attributes": '{"seats": "a["}'}, "attributes"),
        ({"attributes": "[1]"}, "attributes"),
        ({"translations": '{"type": {"a": 1}}'}, "translations"),
        ({"slug": "salesforce"}, "slug"),
        ({"slug": "A B"}, "slug"),
        ({"new_secret": "short"}, "new_secret"),
        ({"new_secret": ""}, "new_secret"),
        ({"account_domain": "", "account_crm_id": ""}, "account_crm_id"),
    ],
)
def test_the_admin_checks_what_is_saved(admin, changes, field):
    response = admin.post(ADD, FORM | changes)

    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [field]
    assert not MappedSource.objects.exists()


@pytest.mark.parametrize(
    ("payload", "status", "shown"),
    [
        (_body(EVENT), 200, ["demo_requested", "acme.test", "zoe@quill.test", "Zoe Quill", "40"]),
        (
            _body(EVENT | {"kind": "other"}),
            200,
            ["untranslated_type", "&#x27;other&#x27; has no translation"],
        ),
        (_body(EVENT | {"token": None}), 200, ["missing_external_id", "token finds nothing"]),
        (_body(EVENT | {"token": {}}), 200, ["invalid_external_id", "an object, not a text"]),
        (_body(EVENT | {"company": {}}), 200, ["no_account"]),
        (_body(EVENT | {"submitted_at": "2026-11-22"}), 200, ["naive_occurred_at"]),
        (_body(EVENT | {"submitted_at": 1e30}), 200, ["invalid_occurred_at"]),
        (_body(EVENT | {"hidden": {"email": "nobody", "first": "Z", "last": "Q"}}), 200, ["invalid_email"]),
        (_body(EVENT | {"hidden": {"email": "a@b.test", "first": 1, "last": 2}}), 200, ["not_applicable"]),
        (b'{"events": {}}', 200, ["no_events", "finds an object, not a list"]),
        (json.dumps({"events": [1] * 501}).encode(), 200, ["too_many_events"]),
        (b'{"events": [1]}', 200, ["not_an_object"]),
        (b"{not json", 422, ["not valid JSON"]),
    ],
)
@pytest.mark.usefixtures("_source")
def test_a_dry_run_shows_what_would_become_of_a_body_and_stores_nothing(admin, payload, status, shown):
    before = stored_text()

    response = admin.post(PAGE, {"payload": payload.decode()})

    assert response.status_code == status
    text = response.content.decode()
    assert not [words for words in shown if words not in text]
    assert stored_text() == before
    assert not list_open_quarantine().exists()


@pytest.mark.usefixtures("_source")
def test_pages_are_for_integrators():
    reader = Client()
    reader.force_login(User.objects.create_user("reader"))

    assert [Client().get(path).status_code for path in ("/integrations", PAGE)] == [302, 302]
    assert [reader.get(path).status_code for path in ("/integrations", PAGE)] == [403, 403]
