"""`manage.py sealer`: seal the audit log round after round; one leads, others stand by."""

import signal
import threading
import time
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from compliance.sealing.anchors import AnchorConflict, Anchors
from compliance.sealing.keys import Signer
from compliance.sealing.sealing import BATCH, Sealer, WrongKey
from compliance.sealing.witness import Witness, make_reader
from revctx.eventbus import cluster
from revctx.garbage import spare_loaded_code

SEALER_LOCK = 0x7365_616C_6572  # "sealer" in ASCII
# From one round's begin to the next one's. What was still in flight at one is sealed by the next; two of them
# and the work of the last stay below the 2 s that a row may wait.
SEAL_SECONDS = 0.8
STANDBY_SECONDS = 2
RETRY_SECONDS = 5

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Seal until SIGTERM or SIGINT."""

    help = "Seal the audit log under signed checkpoints. Several may run; one leads, the others stand by."

    def handle(self, *args: Any, **options: Any) -> None:
        """Lead or wait; a lost database is retried, and a refused seal is said aloud and tried again.

        Raises:
            CommandError: the key or the folder of the anchors is missing.
        """
        if not settings.AUDIT_SIGNING_KEY or not settings.AUDIT_ANCHOR_DIR:
            raise CommandError("The sealer needs AUDIT_SIGNING_KEY and AUDIT_ANCHOR_DIR.")
        folder = Path(settings.AUDIT_ANCHOR_DIR)
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        spare_loaded_code()
        while not stop.is_set():
            try:
                self._lead(Anchors(folder), stop)
            except (OperationalError, InterfaceError) as error:
                log.warning("sealer.database_lost", error=type(error).__name__)
            except (AnchorConflict, WrongKey) as error:
                log.error("sealer.refused", reason=str(error))
            connection.close()
            stop.wait(0 if stop.is_set() else RETRY_SECONDS)

    def _lead(self, anchors: Anchors, stop: threading.Event) -> None:
        """Wait for the leader's lock, then seal until stopped, refused or disconnected."""
        while not cluster.try_lead(SEALER_LOCK):
            if stop.wait(STANDBY_SECONDS):
                return
        sealer = Sealer(signer=Signer(settings.AUDIT_SIGNING_KEY), anchors=anchors, now=timezone.now())
        witness = Witness(anchors=anchors, reader=make_reader(), now=timezone.now())
        log.info("sealer.leading", key_id=sealer.signer.public.id)
        try:
            while not stop.is_set():
                began = time.monotonic()
                sealed = sealer.seal(now=timezone.now())
                witness.turn(now=timezone.now())
                if sealed < BATCH:
                    stop.wait(max(0.0, began + SEAL_SECONDS - time.monotonic()))
        finally:
            witness.close()
