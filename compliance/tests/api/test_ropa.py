import csv
import io

import pytest

from compliance import datamap

pytestmark = pytest.mark.django_db


def test_lists_every_place_with_its_days(caller):
    found = caller("privacy:write").get("/api/compliance/ropa").json()["results"]

    assert len(found) == len(datamap.list_places())
    by_name = {record["name"]: record for record in found}
    assert by_name["signals"]["retention"] == "400 days"
    assert by_name["outreach"]["kind"] == "connector"
    assert all(value for record in found for value in record.values())


def test_as_a_table(caller):
    answer = caller("audit:read").get("/api/compliance/ropa?as=csv")

    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert [row["name"] for row in rows] == [place.name for place in datamap.list_places()]


def test_needs_a_scope(caller):
    assert caller("signals:read").get("/api/compliance/ropa").status_code == 403
