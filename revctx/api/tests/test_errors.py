import pytest
from django.db import OperationalError, connection


def refuse(*_):
    raise OperationalError("the server is away")


@pytest.mark.django_db
class TestErrors:
    @pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
    def test_an_unknown_path_is_told_as_json_whatever_the_method(self, method, caller):
        client = caller("signals:write")
        client.handler.enforce_csrf_checks = True

        response = getattr(client, method)("/api/actions/not-a-uuid/approve")

        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"

    def test_a_method_that_is_not_offered_is_named(self, caller):
        response = caller("signals:write", "signals:read").delete("/api/signals")

        assert response.status_code == 405
        assert "GET" in response["Allow"]

    def test_a_database_that_refuses_asks_for_patience(self, caller):
        client = caller("signals:write")
        client.raise_request_exception = False

        with connection.execute_wrapper(refuse):
            response = client.post("/api/signals", {}, content_type="application/json")

        assert response.status_code == 503
        assert int(response["Retry-After"]) > 0
        assert response.json()["error"]["code"] == "unavailable"
