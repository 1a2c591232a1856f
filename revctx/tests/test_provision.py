"""`python -m revctx.devstack.provision` makes the roles of a server that is not embedded."""

import os

import psycopg
import pytest

from revctx.devstack import roles
from revctx.devstack.provision import SUPERUSER_VARIABLE, WrongAddress, provision
from revctx.devstack.services import ThrowawayServices


@pytest.fixture
def environment(services: ThrowawayServices) -> dict[str, str]:
    addresses = {name: os.environ[name] for name in roles.URL_VARIABLES}
    return addresses | {SUPERUSER_VARIABLE: services.postgres.url("postgres", database="postgres")}


def test_a_second_run_finds_everything_there(environment: dict[str, str]) -> None:
    assert provision(environment) is False
    for name, role in roles.URL_VARIABLES.items():
        with psycopg.connect(environment[name]) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (role,)


def test_a_changed_password_is_set(environment: dict[str, str]) -> None:
    changed = (
        environment["AUDITOR_DATABASE_URL"].replace(":", ":new", 2).replace("postgresql:new", "postgresql:")
    )
    try:
        provision(environment | {"AUDITOR_DATABASE_URL": changed})
        psycopg.connect(changed).close()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(environment["AUDITOR_DATABASE_URL"])
    finally:
        provision(environment)


@pytest.mark.parametrize(
    "address",
    ["", "postgresql://revctx_app:secret@127.0.0.1/revctx", "postgresql://revctx_lab@127.0.0.1/revctx"],
)
def test_an_address_that_does_not_fit_its_role_is_refused(environment: dict[str, str], address: str) -> None:
    with pytest.raises(WrongAddress, match="LAB_DATABASE_URL") as refusal:
        provision(environment | {"LAB_DATABASE_URL": address})
    assert "secret" not in str(refusal.value)


def test_the_application_roles_may_not_create(environment: dict[str, str]) -> None:
    provision(environment)
    with (
        psycopg.connect(environment["DATABASE_URL"]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE public.mine (id int)")
