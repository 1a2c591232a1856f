import pytest

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
