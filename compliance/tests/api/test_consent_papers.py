"""History, receipts, double opt-in and the privacy signal of browsers."""

import base64
import json
import time
from copy import deepcopy
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.contrib.auth.models import User
from django.core.signing import b62_encode
from django.test import Client

from compliance import confirmation, consent, erasure, signing, subjects
from compliance.models import AuditLog, ConsentRevision
from compliance.tests.factories import ACTOR, NOW, grant_consent

ADA = "ada@northwind.example"
BODY = {"email": ADA, "jurisdiction": "AT", "notice_version": "2026-01", "source": "webform"}


@pytest.fixture
def officer(api_client):
    return api_client("consent:read", "consent:write")


def path_of(url):
    return urlsplit(url).path


@pytest.mark.django_db
class TestHistory:
    @pytest.mark.parametrize("form", [True, False])
    def test_lists_what_was_said_the_newest_first(self, officer, form):
        grant_consent()
        grant_consent(channel="phone")
        consent.revoke(email=ADA, channel="email", source="mail", actor=ACTOR, now=NOW)
        send = {"content_type": "application/x-www-form-urlencoded"} if form else {"format": "json"}

        data = "email=ada%40northwind.example" if form else {"email": ADA}
        answer = officer.post("/api/consent/history", data, **send)

        assert answer.status_code == 200, answer.content
        rows = [(row["channel"], row["number"], row["status"]) for row in answer.json()["statements"]]
        assert rows == [("email", 2, "revoked"), ("phone", 1, "granted"), ("email", 1, "granted")]
        assert "northwind" not in answer.content.decode()
        narrow = officer.post("/api/consent/history", {"email": ADA, "channel": "phone"}).json()
        assert len(narrow["statements"]) == 1

    def test_knows_no_stranger_and_no_other_channel(self, officer):
        assert officer.post("/api/consent/history", {"email": ADA}).status_code == 404
        assert officer.post("/api/consent/history", {"email": ADA, "channel": "fax"}).status_code == 422


@pytest.mark.django_db
class TestReceipt:
    def test_can_be_checked_with_the_published_key_and_nothing_of_ours(self, officer):
        first = grant_consent(expires_at=NOW.replace(year=2027))
        [second] = consent.revoke(email=ADA, source="mail", actor=ACTOR, now=NOW)

        receipt = officer.get(f"/api/consent/receipts/{second.id}").json()

        assert receipt["schema_version"] == "ISO-IEC-TS-27560:2023"
        assert [event["event_type"] for event in receipt["events"]] == ["granted", "revoked"]
        assert receipt["consent_status"] == "revoked"
        assert officer.get(f"/api/consent/receipts/{first.id}").json()["consent_status"] == "granted"
        [processing] = receipt["pii_processing"]
        assert (processing["jurisdiction"], processing["lawful_basis"]) == ("DE", "consent")
        assert "northwind" not in json.dumps(receipt)
        jwk = Client().get("/api/consent/receipts/key").json()
        signature = receipt.pop("signature")
        raw = json.dumps(receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "==")).verify(
            base64.urlsafe_b64decode(signature["value"] + "=="), raw
        )
        assert signature["key_id"] == jwk["kid"]

    def test_is_the_same_every_time_and_any_change_breaks_it(self, officer, settings):
        path = f"/api/consent/receipts/{grant_consent().id}"
        receipt, key = officer.get(path).json(), signing.get_public_key()

        assert officer.get(path).json() == receipt
        assert signing.verify_document(receipt, key)
        forged = deepcopy(receipt)
        forged["pii_processing"][0]["purpose"] = "analytics"
        assert not signing.verify_document(forged, key)
        assert not signing.verify_document({}, key)
        settings.RECEIPT_SIGNING_KEY = b"\x07" * 32
        assert not signing.verify_document(receipt, signing.get_public_key())

    def test_is_for_those_who_may_read_consents(self, officer, api_client):
        path = f"/api/consent/receipts/{grant_consent().id}"

        assert api_client("audit:read").get(path).status_code == 403
        assert officer.get(f"/api/consent/receipts/{uuid4()}").status_code == 404


@pytest.mark.django_db
class TestDoubleOptIn:
    def test_counts_only_after_the_person_confirmed(self, officer):
        granted = officer.post("/api/consent", BODY).json()
        assert (granted["status"], granted["decision"]["reason"]) == ("pending_confirmation", "unconfirmed")
        link, person = path_of(granted["confirmation_url"]), Client(enforce_csrf_checks=True)
        assert "northwind" not in link

        asked = person.get(link)  # a mail scanner does this, too
        assert (asked.status_code, b"<form" in asked.content) == (200, True)
        assert not officer.post("/api/consent/check", {"email": ADA}).json()["allowed"]
        for _ in range(2):
            assert person.post(link).status_code == 200

        body = officer.post("/api/consent/check", {"email": ADA}).json()
        assert body["allowed"]
        assert [row["number"] for row in body["statements"]] == [2]
        assert body["statements"][0]["confirmed_at"]
        names = AuditLog.objects.filter(target_id=granted["subject_id"]).order_by("id").values_list("name")
        assert [name for (name,) in names] == ["consent.pending_confirmation", "consent.granted"]

    def test_is_not_asked_for_elsewhere(self, officer):
        body = officer.post("/api/consent", BODY | {"jurisdiction": "EU"}).json()

        assert (body["status"], body["confirmation_url"]) == ("granted", None)

    def test_a_confirmation_holds_when_the_same_consent_is_given_again(self, officer):
        statement = grant_consent(jurisdiction="AT")
        consent.confirm(revision_id=statement.id, source="link", actor=ACTOR, now=NOW)

        assert officer.post("/api/consent", BODY).json()["decision"]["allowed"]
        other_notice = officer.post("/api/consent", BODY | {"notice_version": "2026-02"}).json()
        assert other_notice["decision"]["reason"] == "unconfirmed"

    @pytest.mark.parametrize("meanwhile", ["withdrawn", "replaced", "erased"])
    def test_confirms_nothing_that_was_undone_since(self, meanwhile):
        pending = grant_consent(jurisdiction="AT")
        link = path_of(confirmation.make_url(pending.id))
        if meanwhile == "withdrawn":
            consent.revoke(email=ADA, source="mail", actor=ACTOR, now=NOW)
        elif meanwhile == "replaced":
            grant_consent(jurisdiction="AT", notice_version="2026-02")
        else:
            erasure.erase(subject_id=pending.subject_id, actor=ACTOR, now=NOW)
        rows = ConsentRevision.objects.count()

        assert Client().post(link).status_code == 410
        assert ConsentRevision.objects.count() == rows

    def test_refuses_foreign_and_old_links(self, monkeypatch):
        pending = grant_consent(jurisdiction="AT")
        with monkeypatch.context() as patch:
            made_at = int(time.time() - confirmation.VALID_FOR.total_seconds()) - 1
            patch.setattr(confirmation._signer, "timestamp", lambda: b62_encode(made_at))
            old = confirmation.make_token(pending.id)

        for token in ("nonsense", f"{pending.id}:1:forged", old):
            assert Client().get(f"/api/consent/confirm/{token}").status_code == 404
            assert Client().post(f"/api/consent/confirm/{token}").status_code == 404
        assert not consent.decide(subject_id=pending.subject_id, now=NOW).allowed


@pytest.mark.django_db
class TestGlobalPrivacyControl:
    SIGNAL = {"Sec-GPC": "1"}

    def test_is_honoured_on_the_person_s_own_page_and_shown(self):
        link = path_of(confirmation.make_url(grant_consent(jurisdiction="AT").id))

        page = Client(headers=self.SIGNAL).post(link)

        assert b"Opt-out request honoured" in page.content
        row = ConsentRevision.objects.get(purpose="sale_sharing")
        assert (row.status, row.source, row.jurisdiction) == ("opted_out", "sec-gpc", "US-CA")

    @pytest.mark.parametrize("path", ["", "/check", "/revoke"])
    def test_is_honoured_when_an_integration_passes_it_on(self, officer, path):
        subject_id = grant_consent().subject_id
        body = BODY if path == "" else {"email": ADA}

        for _ in range(2):
            answer = officer.post(f"/api/consent{path}", body, headers=self.SIGNAL)
            assert answer.status_code in {200, 201}, answer.content

        rows = ConsentRevision.objects.filter(subject_id=subject_id, purpose="sale_sharing")
        assert [row.status for row in rows] == ["opted_out"]
        shown = officer.post("/api/consent/check", {"email": ADA}).json()
        assert shown["sale_sharing_opt_out"] is True
        assert officer.post("/api/consent/history", {"email": ADA}).json()["sale_sharing_opt_out"] is True

    @pytest.mark.parametrize("value", ["0", "", "true"])
    def test_any_other_value_is_no_signal(self, officer, value):
        grant_consent()

        body = officer.post("/api/consent/check", {"email": ADA}, headers={"Sec-GPC": value}).json()

        assert body["sale_sharing_opt_out"] is False

    def test_an_officer_s_own_browser_says_nothing_about_whom_they_look_up(self):
        grant_consent()
        client = Client(headers=self.SIGNAL)
        client.force_login(User.objects.create_superuser("boss"))

        answer = client.get(f"/api/consent/{ADA}")

        assert answer.json()["sale_sharing_opt_out"] is False

    def test_makes_nobody_known_who_was_not(self, officer):
        officer.post("/api/consent/check", {"email": ADA}, headers=self.SIGNAL)

        assert subjects.find_subject(email=ADA) is None

    def test_support_is_declared(self):
        assert Client().get("/.well-known/gpc.json").json()["gpc"] is True
