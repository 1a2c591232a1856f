"""No table, topic, cache or connector can hold something about a person without being listed."""

import re
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from compliance import datamap, erasure, retention
from compliance.privacy import registry
from contexts import cache
from integrations.llm.breaker import Breaker
from orchestration import budget_hints
from revctx.eventbus import topics
from revctx.observability import heartbeats

PERSONAL = (
    r"(^|_)(subject_ids?|email|address|address_hash|phone|last_name|ip_address|wrapped_key|summary"
    r"|username|user_agent|actor|user_id|created_by|author_id|approver|proposer|decided_by|session_data)$"
    r"|^sealed(?!_at)"
)
# What opens a way out of the process, in code.
CALLS_OUT = re.compile(
    r"\bcreate_client\(|\bhttpx2\.(Async)?Client\(|\bgrpc\.(in)?secure_channel\(|\burlopen\("
)
USES_REDIS = re.compile(r"get_redis_connection|from django\.core\.cache")
REDIS_WRITERS = {
    "contexts/cache.py": "contexts:evidence:",
    "integrations/llm/breaker.py": "breaker:",
    "orchestration/budget_hints.py": "enrichment:{",
    "revctx/api/rate_limit.py": "revctx:rate:",
    "revctx/observability/heartbeats.py": "revctx:worker:",
    "revctx/observability/health.py": None,  # asks whether Redis answers
}
_COLUMNS = """
SELECT DISTINCT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'lab') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped
"""


def listed(kind):
    return {place.name for place in datamap.list_places() if place.kind == kind}


def list_sources(root, *folders):
    """Return the modules of folders that run in production, with their text, by path."""
    found = {}
    for path in (path for folder in folders for path in Path(root, folder).rglob("*.py")):
        if not {"tests", "sandbox", "devstack", "demo"} & set(path.parts):
            found[str(path.relative_to(root))] = path.read_text()
    return found


def list_unlisted_callers(root):
    callers = datamap.list_callers()
    opening = {name for name, text in list_sources(root, "integrations").items() if CALLS_OUT.search(text)}
    packages = {".".join(name.removesuffix(".py").split("/")[:2]) for name in opening}
    return packages - {"integrations.http"} - set(callers)


@pytest.mark.django_db
def test_every_table_is_listed_with_its_persons_or_with_why_there_are_none():
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS)
        columns = cursor.fetchall()
    tables = {table for table, _ in columns}
    personal = {table for table, column in columns if re.search(PERSONAL, column)}
    without = set(datamap.list_without_persons())

    assert tables - listed("table") - without == set()
    assert (listed("table") | without) - tables == set()
    assert personal & without == set()
    assert listed("table") & without == set()
    assert {"signals", "breaches", "action_moves"} <= personal  # else the pattern matches nothing


def test_every_topic_is_listed():
    known = {value for value in vars(topics).values() if isinstance(value, str) and "." in value}
    known = {name for name in known if re.fullmatch(r"[a-z]+\.[a-z]+", name)} - {topics.__package__}

    assert known - listed("topic") - {"audit.checkpoint", "audit.leaf"} == set()
    assert listed("topic") <= known


def test_every_eraser_named_exists_and_every_eraser_is_named():
    named = {place.erased_by for place in datamap.list_places()} - set(datamap.ERASED_WITHOUT_VISIT)

    assert named - {"compliance.key"} == set(erasure.list_erasers()) | set(registry.connectors)


def test_every_package_that_calls_out_has_its_connector_listed(tmp_path):
    assert list_unlisted_callers(settings.BASE_DIR) == set()
    assert set(datamap.list_callers().values()) == listed("connector")
    kinds = {kind for kind, _ in apps.get_model("integrations", "EnrichmentProvider").KINDS}
    assert {datamap.list_callers().get(kind) for kind in kinds} == {"enrichment providers"}

    package = tmp_path / "integrations" / "newcomer"
    package.mkdir(parents=True)
    (package / "talking.py").write_text("http = create_client(timeout_seconds=5)\n")
    assert list_unlisted_callers(tmp_path) == {"integrations.newcomer"}


def test_every_module_that_writes_to_redis_has_its_keys_listed():
    folders = ("compliance", "contexts", "integrations", "laboratory", "orchestration", "revctx", "signals")
    sources = list_sources(settings.BASE_DIR, *folders)
    users = {name for name, text in sources.items() if USES_REDIS.search(text)}

    assert users == set(REDIS_WRITERS)
    assert set(filter(None, REDIS_WRITERS.values())) <= listed("cache")


@pytest.mark.django_db
def test_redis_holds_no_key_that_is_not_listed(api_client, redis_server):
    client = api_client("signals:write")
    client.post("/api/signals", {})
    cache.store_copy(uuid4(), version=(1, 1), evidence=([], {}))
    breaker = Breaker(name="listed", failures=2)
    for _ in range(3):
        breaker.record_failure()
    heartbeats.beat_once(queue="default", worker="one")
    slot = budget_hints.Slot(uuid4(), date(2026, 11, 1), "plain")
    budget_hints.rebuild(slot, 0)
    budget_hints.admit(slot, price=1, cap=10, flight_seconds=5)
    budget_hints.land(slot, give_back=0, rest_seconds=5)
    with current_app.connection_for_write() as broker:
        current_app.send_task("compliance.tasks.verify_audit", connection=broker)
    keys = [key.decode() for key in redis_server.scan_iter()]
    places = {key: datamap.find_cache_place(key) for key in keys}

    assert [key for key, place in places.items() if place is None] == []
    met = {place.name for place in places.values()}
    assert set(filter(None, REDIS_WRITERS.values())) <= met
    assert datamap.find_cache_place("contexts:names:7") is None


def test_what_is_said_of_how_long_is_a_class_or_a_known_term():
    said = {place.retention for place in datamap.list_places()}

    assert said - set(retention.list_data_classes()) - set(datamap.TERMS) == set()
    assert set(datamap.TERMS) - said == set()  # no term outlives its place
    for path in filter(None, datamap.TERMS.values()):
        assert callable(import_string(path))


def test_a_place_is_listed_once():
    with pytest.raises(ValueError, match="listed already"):
        datamap.register("table", "signals", categories="", purpose="", erased_by="key", retention="")
    with pytest.raises(ValueError, match="listed already"):
        datamap.register_without_persons("nobody", "signals")
