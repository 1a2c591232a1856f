"""No table, topic or connector can hold something about a person without being listed."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from compliance import datamap, erasure
from compliance.privacy import registry
from revctx.eventbus import topics

PERSONAL = (
    r"(^|_)(subject_ids?|email|address|address_hash|phone|last_name|ip_address|wrapped_key)$|^sealed(?!_at)"
)
_COLUMNS = """
SELECT DISTINCT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'lab') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped
"""


def listed(kind):
    return {place.name for place in datamap.list_places() if place.kind == kind}


@pytest.mark.django_db
def test_every_table_with_a_personal_column_is_listed():
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS)
        found = {table for table, column in cursor.fetchall() if re.search(PERSONAL, column)}
        cursor.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')")
        existing = {name for (name,) in cursor.fetchall()}

    assert found - listed("table") == set()
    assert listed("table") - existing == set()
    assert "signals" in found  # else the pattern matches nothing


def test_every_topic_is_listed():
    known = {value for value in vars(topics).values() if isinstance(value, str) and "." in value}
    known = {name for name in known if re.fullmatch(r"[a-z]+\.[a-z]+", name)} - {topics.__package__}

    assert known - listed("topic") - {"audit.checkpoint", "audit.leaf"} == set()
    assert listed("topic") <= known


def test_every_eraser_named_exists_and_every_eraser_is_named():
    named = {place.erased_by for place in datamap.list_places()} - set(datamap.ERASED_WITHOUT_VISIT)

    assert named - {"compliance.key"} == set(erasure.list_erasers()) | set(registry.connectors)


def test_every_app_that_talks_to_others_has_its_connector_listed():
    clients = {path.parent.name for path in Path(settings.BASE_DIR, "integrations").glob("*/*client.py")}

    assert {"outreach", "llm"} <= clients
    assert {"outreach", "language model"} <= listed("connector")


def test_a_place_is_listed_once():
    with pytest.raises(ValueError, match="listed already"):
        datamap.register("table", "signals", categories="", purpose="", erased_by="key", retention="")
