"""Embedded servers start, answer, keep their data, and give each role what it should have."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from confluent_kafka import Consumer, Producer
from redis.backoff import NoBackoff
from redis.retry import Retry

from revctx.devstack import roles, run_folders
from revctx.devstack.broker import Broker
from revctx.devstack.local_state import LocalState
from revctx.devstack.ports import ServiceError, free_port, is_free
from revctx.devstack.postgres import PostgresServer
from revctx.devstack.redis import RedisServer
from revctx.devstack.services import ThrowawayServices, new_passwords


@pytest.fixture
def folder(services: ThrowawayServices) -> Iterator[Path]:
    """A folder that the database server's user can reach."""
    path = services.redis.folder.parent / f"extra-{secrets.token_hex(4)}"
    path.mkdir(mode=0o711)
    yield path
    run_folders.shutil.rmtree(path, ignore_errors=True)


def connect(services: ThrowawayServices, role: str) -> psycopg.Connection:
    return psycopg.connect(services.postgres.url(role), autocommit=True)


def test_postgres_keeps_its_data_over_a_restart(folder: Path) -> None:
    server = PostgresServer(folder=folder / "pg", port=free_port(), passwords=new_passwords())
    server.start()
    try:
        with psycopg.connect(server.url(roles.OWNER), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        server.stop()
        assert is_free(server.port)
        server.start()
        with psycopg.connect(server.url(roles.APP)) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
            assert connection.execute("SHOW max_connections").fetchone() == ("200",)
    finally:
        server.stop()


def test_postgres_with_other_passwords_is_told_apart_at_once(services: ThrowawayServices) -> None:
    stranger = PostgresServer(services.postgres.folder, services.postgres.port, new_passwords())
    with pytest.raises(ServiceError, match="other passwords"):
        stranger._answers()


def test_a_taken_port_is_a_clear_error(folder: Path, services: ThrowawayServices) -> None:
    taken = PostgresServer(folder=folder / "pg", port=services.postgres.port, passwords=new_passwords())
    with pytest.raises(ServiceError, match=f"port {services.postgres.port}.*is taken"):
        taken.start()
    assert taken.process is None


def test_a_server_that_ends_while_starting_names_its_log(folder: Path, services: ThrowawayServices) -> None:
    server = RedisServer(folder=folder / "redis", port=services.redis.port, password="secret")
    with pytest.raises(ServiceError, match=r"ended while starting; see .*redis\.log"):
        server.start()


def test_redis_keeps_its_data_over_a_restart_and_wants_its_password(folder: Path) -> None:
    server = RedisServer(folder=folder / "redis", port=free_port(), password="secret")
    server.start()
    try:
        with redis.Redis.from_url(server.url) as client:
            client.set("kept", "7")
        server.stop()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("kept") == b"7"
        with (
            redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()
    finally:
        server.stop()


def test_broker_carries_messages(folder: Path) -> None:
    broker = Broker(folder=folder / "broker")
    broker.start()
    try:
        address = {"bootstrap.servers": broker.bootstrap_servers}
        producer = Producer(address | {"enable.idempotence": True, "compression.type": "lz4"})
        producer.produce("signal.ingested", key=b"a", value=b"one")
        assert producer.flush(10) == 0
        consumer = Consumer(address | {"group.id": "g", "auto.offset.reset": "earliest"})
        consumer.subscribe(["signal.ingested"])
        message = next(found for _ in range(20) if (found := consumer.poll(1.0)) is not None)
        assert (message.key(), message.value()) == (b"a", b"one")
        consumer.close()
    finally:
        broker.stop()
    assert not broker.is_running()


@pytest.mark.parametrize("role", roles.ROLES)
def test_every_role_logs_in_with_its_password_only(services: ThrowawayServices, role: str) -> None:
    with connect(services, role) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (role,)
    wrong = services.postgres.url(role).replace(services.postgres.passwords[role], "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


@pytest.fixture
def table(services: ThrowawayServices) -> Iterator[None]:
    """A table that the owner made, as a migration would."""
    with connect(services, roles.OWNER) as owner:
        owner.execute("CREATE TABLE plain (id bigint GENERATED BY DEFAULT AS IDENTITY, name text)")
        yield
        owner.execute("DROP TABLE plain")


@pytest.mark.usefixtures("table")
def test_the_app_works_on_tables_and_owns_nothing(services: ThrowawayServices) -> None:
    with connect(services, roles.APP) as app:
        app.execute("INSERT INTO plain (name) VALUES ('a')")
        app.execute("UPDATE plain SET name = 'b'")
        app.execute("DELETE FROM plain")
        for refused in (
            "TRUNCATE plain",
            "DROP TABLE plain",
            "ALTER TABLE plain ADD COLUMN more text",
            "CREATE TABLE mine (id int)",
            "CREATE SCHEMA mine",
            "CREATE ROLE mine",
            "SET ROLE revctx_owner",
            "SET session_replication_role = replica",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(refused)
        owned = app.execute("SELECT count(*) FROM pg_class WHERE relowner = 'revctx_app'::regrole")
        assert owned.fetchone() == (0,)


@pytest.mark.parametrize("role", [roles.LAB, roles.AUDITOR])
def test_laboratory_and_auditor_start_with_nothing(
    services: ThrowawayServices, table: str, role: str
) -> None:
    with connect(services, role) as connection:
        for refused in (
            "SELECT FROM plain",
            "INSERT INTO plain VALUES (1)",
            "CREATE TEMPORARY TABLE t (i int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(refused)


def test_the_owner_makes_schemas_but_no_roles(services: ThrowawayServices) -> None:
    with connect(services, roles.OWNER) as owner:
        owner.execute("CREATE SCHEMA a_laboratory")
        owner.execute("GRANT USAGE ON SCHEMA a_laboratory TO revctx_lab")
        owner.execute("DROP SCHEMA a_laboratory")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("CREATE ROLE mine")


def test_only_in_throwaway_clusters_may_the_owner_switch_triggers_off(folder: Path) -> None:
    server = PostgresServer(folder=folder / "pg", port=free_port(), passwords=new_passwords())
    server.start()
    try:
        with (
            psycopg.connect(server.url(roles.OWNER)) as owner,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            owner.execute("SET session_replication_role = replica")
    finally:
        server.stop()


def test_a_cluster_without_its_passwords_is_set_aside_and_one_with_them_is_kept(tmp_path):
    state, data = LocalState(tmp_path / "state"), tmp_path / "postgres"
    state.prepare()
    data.mkdir()

    orphan = state.set_aside_orphan(data)

    assert orphan is not None
    assert orphan.exists()
    assert not data.exists()
    data.mkdir()
    state.load_passwords()
    assert state.set_aside_orphan(data) is None
    assert data.exists()
