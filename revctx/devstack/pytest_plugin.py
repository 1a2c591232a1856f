"""Embedded services for a pytest run, loaded before pytest-django reads the settings.

Every xdist worker (or the only process, without xdist) has servers of its own, because the xmin
horizon and a Redis flush are felt by a whole server. Databases named in the environment are never
used: tests truncate. A broker named by KAFKA_BOOTSTRAP_SERVERS is used instead of the embedded one.
"""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from revctx.devstack import network_guard, run_folders
from revctx.devstack.services import ThrowawayServices
from revctx.devstack.static_env import static_environment

GIVEN_BROKER = "REVCTX_TEST_GIVEN_BROKER"
IDLE_OPTIONS = ("collectonly", "version", "help", "markers", "showfixtures", "show_fixtures_per_test")
RUN = pytest.StashKey["TestRun"]()


class TestRun:
    """What one pytest process has started."""

    __test__ = False

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.services: ThrowawayServices | None = None

    def start(self) -> None:
        """Start the services and point the environment at them."""
        self.folder = run_folders.make()
        given_broker = os.environ.get(GIVEN_BROKER, "")
        self.services = ThrowawayServices.create(folder=self.folder, with_broker=not given_broker)
        self.services.start()
        os.environ.update(self.services.environment())
        # For prometheus_client in this process and in those that tests start.
        metrics = self.folder / "metrics"
        metrics.mkdir()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)

    def stop(self) -> None:
        """Stop the services and leave no file behind; harmless the second time."""
        if self.services is not None:
            self.services.stop()
            self.services = None
        if self.folder is not None:
            run_folders.remove(self.folder)
            self.folder = None


def is_controller(options: Any) -> bool:
    """Tell whether this process only hands tests out to xdist workers."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return False
    return bool(getattr(options, "numprocesses", None) or getattr(options, "tx", None))


def prepare_environment() -> None:
    """Set every variable of the settings, keeping nothing of a local stack but a given broker."""
    os.environ.setdefault(GIVEN_BROKER, os.environ.get("KAFKA_BOOTSTRAP_SERVERS", ""))
    os.environ.update(static_environment())
    if os.environ[GIVEN_BROKER]:
        os.environ["KAFKA_BOOTSTRAP_SERVERS"] = os.environ[GIVEN_BROKER]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Start the services before any plugin imports the settings."""
    options = early_config.known_args_namespace
    prepare_environment()
    run = TestRun()
    early_config.stash[RUN] = run
    early_config.add_cleanup(run.stop)
    idle = any(getattr(options, name, False) for name in IDLE_OPTIONS)
    try:
        if not idle and not is_controller(options):
            run.start()
        network_guard.install()
        early_config.add_cleanup(network_guard.uninstall)
        return (yield)
    except BaseException:
        run.stop()
        raise


def pytest_unconfigure(config: pytest.Config) -> None:
    """Clear up after workers that were killed before they could."""
    if is_controller(config.option):
        run_folders.sweep()


@pytest.fixture(scope="session")
def services(pytestconfig: pytest.Config) -> ThrowawayServices:
    """Return the running embedded services of this test process."""
    running = pytestconfig.stash[RUN].services
    assert running is not None, "the services run in every process that runs tests"
    return running
