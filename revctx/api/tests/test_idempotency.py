import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from revctx.api import idempotency
from revctx.api.errors import Conflict
from revctx.api.models import ApiToken, IdempotencyKey
from revctx.api.tasks import forget_requests

BODY = {
    "source": "web",
    "type": "pricing_page_view",
    "external_id": "visit-1",
    "occurred_at": "2026-01-01T10:00:00Z",
    "account": {"domain": "northwind.example"},
}


@pytest.mark.django_db
class TestIdempotencyKey:
    def post(self, client, body=BODY, key="order-1"):
        return client.post(
            "/api/signals", body, content_type="application/json", headers={"Idempotency-Key": key}
        )

    def test_repeats_the_first_answer(self, caller):
        client = caller("signals:write")

        first, again = self.post(client), self.post(client)

        assert first.status_code == again.status_code == 202
        assert again["Idempotent-Replayed"] == "true"
        assert again.json() == first.json()
        assert first.json()["status"] == again.json()["status"] == "accepted"

    def test_refuses_another_request_under_the_same_key(self, caller):
        client = caller("signals:write")
        self.post(client)

        response = self.post(client, BODY | {"external_id": "visit-2"})

        assert response.status_code == 422
        assert response.json()["error"]["code"] == "idempotency_key_reused"

    def test_repeats_a_refusal(self, caller):
        client = caller("signals:write")
        bad = BODY | {"type": 7}

        assert self.post(client, bad).status_code == self.post(client, bad).status_code == 422

    @pytest.mark.parametrize("key", ["x" * 129, "tab\there"])
    def test_refuses_a_key_that_is_not_well_formed(self, caller, key):
        assert self.post(caller("signals:write"), key=key).status_code == 400

    def test_is_not_needed(self, caller):
        client = caller("signals:write")

        response = client.post("/api/signals", BODY, content_type="application/json")

        assert response.status_code == 202

    def test_answers_a_body_over_the_limit_as_without_it(self, caller):
        huge = BODY | {"external_id": "x" * 6_000_000}

        assert self.post(caller("signals:write"), huge).status_code == 413
        assert not IdempotencyKey.objects.exists()

    def test_keeps_nothing_of_the_body_of_a_refused_request(self, caller):
        self.post(caller("signals:write"), BODY | {"robin@northwind.example": 1})

        assert "robin" not in json.dumps(IdempotencyKey.objects.get().answer)

    def test_lets_a_request_that_failed_on_our_side_be_repeated(self, caller, monkeypatch):
        client = caller("signals:write")
        client.raise_request_exception = False
        with monkeypatch.context() as broken:
            broken.setattr("signals.api.doors.ingest_signal", lambda **_: 1 / 0)
            assert self.post(client).status_code == 500

        assert self.post(client).status_code == 202

    def test_takes_over_from_a_process_that_died_on_the_way(self, caller, user):
        client = caller("signals:write")
        self.post(client)
        IdempotencyKey.objects.update(status=None)
        assert self.post(client).status_code == 409

        IdempotencyKey.objects.update(created_at=timezone.now() - idempotency.LEASE - timedelta(seconds=1))
        assert self.post(client).status_code == 202

    def test_a_first_request_that_fails_at_this_moment_is_no_error_of_ours(self, caller):
        caller("signals:write")

        with pytest.raises(Conflict):
            idempotency._existing(
                token=ApiToken.objects.get(), key="gone", request_hash=b"", now=timezone.now()
            )

    def test_an_answer_outlives_the_loss_of_its_claim(self, caller, monkeypatch):
        """A slow request may be taken over, and its successor may fail."""
        kept = idempotency._kept_part

        def lose_claim(response):
            IdempotencyKey.objects.all().delete()
            return kept(response)

        monkeypatch.setattr(idempotency, "_kept_part", lose_claim)
        assert self.post(caller("signals:write")).status_code == 202

    def test_forgets_after_two_days(self, caller):
        self.post(caller("signals:write"))
        forget_requests()
        assert IdempotencyKey.objects.count() == 1

        IdempotencyKey.objects.update(created_at=timezone.now() - idempotency.REMEMBERED)
        forget_requests()
        assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_does_the_work(caller):
    clients = [caller("signals:write") for _ in range(8)]

    def post(client: Client) -> tuple[int, bool]:
        headers = {"Idempotency-Key": "order-1"}
        try:
            response = client.post("/api/signals", BODY, content_type="application/json", headers=headers)
            return response.status_code, "Idempotent-Replayed" in response
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, clients))

    assert answers.count((202, False)) == 1
    assert set(answers) <= {(202, False), (202, True), (409, False)}
