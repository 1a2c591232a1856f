"""`manage.py lab_worker`: take runs and replay them, apart from production."""

import os
import signal
import socket
import threading
from argparse import ArgumentParser
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from laboratory import isolation
from laboratory.privileges import LAB_ROLE, list_excess
from laboratory.services import runs

log = structlog.get_logger(__name__)

ALIAS = "lab"


class Command(BaseCommand):
    """Take runs from schema `lab` until SIGTERM; a run under way goes back into the queue."""

    help = "Replay experiments. Runs with EXECUTION_MODE=laboratory only, as the laboratory's role."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="stop when no run is waiting")
        parser.add_argument("--poll", type=float, default=1.0, help="seconds between looks at the queue")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal the process, check that it is sealed, then work."""
        self.stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())
        self._isolate()
        worker = f"{socket.gethostname()}:{os.getpid()}"
        log.info("lab_worker.started", worker=worker)
        while not self.stop.is_set():
            worked = self._work(worker) if options["once"] else self._work_if_database(worker)
            if worked:
                continue
            if options["once"]:
                break
            self.stop.wait(options["poll"])
        log.info("lab_worker.stopped", worker=worker)

    def _isolate(self) -> None:
        if settings.EXECUTION_MODE != "laboratory":
            raise CommandError("lab_worker runs with EXECUTION_MODE=laboratory only.")
        database = connections[ALIAS].settings_dict
        isolation.activate(host=database["HOST"], port=int(database["PORT"] or 5432))
        if database["USER"] != LAB_ROLE:
            raise CommandError(f"LAB_DATABASE_URL must log in as {LAB_ROLE}, not {database['USER']}.")
        excess = list_excess(connections[ALIAS])
        if excess:
            listed = ", ".join(" ".join(privilege) for privilege in excess)
            raise CommandError(f"{LAB_ROLE} may do more than it should: {listed}.")

    def _work_if_database(self, worker: str) -> bool:
        """Do one run; a database that went away is waited for, and the run is taken again later."""
        try:
            return self._work(worker)
        except (OperationalError, InterfaceError):
            log.warning("lab_worker.database_lost")
            connections[ALIAS].close()
            return False

    def _work(self, worker: str) -> bool:
        """Do one run; return whether there was one."""
        run = runs.claim_run(worker=worker, now=timezone.now())
        if run is None:
            return False
        try:
            runs.execute_run(run=run, read_clock=timezone.now, should_stop=self.stop.is_set)
            log.info("lab_run.done", run_id=str(run.pk))
        except runs.StopRequestedError:
            runs.release_run(run=run)
            log.info("lab_run.released", run_id=str(run.pk))
        except runs.RunLostError:
            log.warning("lab_run.lost", run_id=str(run.pk))
        except (ValueError, KeyError, ArithmeticError):
            log.exception("lab_run.failed", run_id=str(run.pk))
            runs.fail_run(run=run, failure="replay_failed", now=timezone.now())
        return True
