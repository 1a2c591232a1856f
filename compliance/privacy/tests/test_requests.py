from datetime import timedelta

import pytest

from compliance import subjects
from compliance.models import AuditLog, PrivacyRequest
from compliance.privacy import requests
from compliance.privacy.requests import InvalidRequest
from compliance.privacy.states import IllegalMove
from compliance.privacy.tests.factories import ADA, make_request, run_due
from compliance.tests.factories import ACTOR, NOW

pytestmark = pytest.mark.django_db
BY = {"actor": ACTOR, "now": NOW}


class TestCreate:
    def test_a_verified_one_is_approved_and_each_move_audited(self):
        request = make_request()

        assert request.state == "approved"
        names = AuditLog.objects.filter(target_id=str(request.id)).order_by("recorded_at", "id")
        assert [row.name.partition(".")[2] for row in names] == ["received", "verified", "approved"]
        assert {row.actor for row in names} == {ACTOR}

    def test_an_unverified_one_waits(self):
        request = make_request(verified_by="")
        run_due()

        assert PrivacyRequest.objects.get(id=request.id).state == "identity_unverified"
        assert subjects.find_subject(email=ADA) == request.subject_id

    def test_the_second_of_a_type_is_a_duplicate(self):
        first, second, other = make_request(), make_request(), make_request("access")

        assert (second.state, second.duplicate_of) == ("duplicate", first)
        assert other.state == "approved"

    def test_the_address_stands_nowhere_in_the_clear(self):
        request = make_request("rectification")

        assert "ada" not in str(PrivacyRequest.objects.filter(id=request.id).values()).lower()
        assert "ada" not in str(list(AuditLog.objects.values())).lower()

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"type": "revenge"}, "type"),
            ({"jurisdiction": "ZZ"}, "jurisdiction"),
            ({"verified_by": "my cousin"}, "verified_by"),
            ({"corrections": {"name": "x"}}, "corrections"),
            ({"type": "rectification", "corrections": {}}, "corrections"),
            ({"type": "rectification", "corrections": {"shoe_size": "44"}}, "corrections"),
        ],
    )
    def test_refuses_what_does_not_fit(self, changes, field):
        fields = {"type": "access", "email": ADA, "jurisdiction": "DE", "verified_by": "officer"} | changes
        with pytest.raises(InvalidRequest) as refused:
            requests.create_request(**fields, **BY)
        assert refused.value.field == field


class TestDecide:
    def test_verify_then_approve(self):
        request = make_request(verified_by="")

        requests.verify(request_id=request.id, method="email_link", **BY)
        assert requests.approve(request_id=request.id, **BY).state == "approved"

    def test_cannot_be_approved_before_it_is_verified(self):
        request = make_request(verified_by="")

        with pytest.raises(IllegalMove):
            requests.approve(request_id=request.id, **BY)

    def test_denied_for_a_known_reason_only_and_for_good(self):
        request = make_request(verified_by="")
        with pytest.raises(InvalidRequest):
            requests.deny(request_id=request.id, reason_code="we do not like them", **BY)

        denied = requests.deny(request_id=request.id, reason_code="identity_not_verified", **BY)

        assert (denied.state, denied.closed_at) == ("denied", NOW)
        with pytest.raises(IllegalMove):
            requests.verify(request_id=request.id, method="officer", **BY)
        assert make_request(verified_by="").state == "identity_unverified"

    def test_held_ones_wait_and_come_back_to_where_they_were(self):
        request = make_request()
        requests.hold(request_id=request.id, reason_code="litigation_hold", **BY)
        run_due()
        assert PrivacyRequest.objects.get(id=request.id).state == "on_hold"

        assert requests.resume(request_id=request.id, **BY).state == "approved"

    def test_extended_once_with_a_reason(self):
        request = make_request()

        extended = requests.extend(request_id=request.id, reason_code="complexity", **BY)

        assert extended.due_at - request.due_at > timedelta(days=58)
        with pytest.raises(InvalidRequest, match="already_extended"):
            requests.extend(request_id=request.id, reason_code="complexity", **BY)

    def test_confirmed_once(self):
        request = make_request("access", jurisdiction="US-CA")
        assert request.confirm_by is not None

        for later in (0, 1):
            now = NOW + timedelta(days=later)
            requests.confirm(request_id=request.id, actor=ACTOR, now=now)

        assert PrivacyRequest.objects.get(id=request.id).confirmed_at == NOW
