"""A log, a sealer and a superuser."""

import pytest
from django.db import transaction
from django.utils import timezone

from compliance import audit
from compliance.sealing.anchors import Anchors
from compliance.sealing.keys import Signer
from compliance.sealing.sealing import Sealer
from compliance.sealing.verification import Verification
from compliance.tests.sealing.log import SEED, make_entries


class Log:
    """Writes, seals and verifies as the processes do."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        self.anchors = Anchors(folder)
        self.signer = Signer(SEED)

    def write(self, count=1):
        with transaction.atomic():
            audit.record(make_entries(count))

    def make_sealer(self, **changes):
        return Sealer(**({"signer": self.signer, "anchors": self.anchors, "now": timezone.now()} | changes))

    def seal(self, **limits):
        """Seal all there is with a sealer made anew, as after a restart; return how many rows."""
        sealer, total = self.make_sealer(), 0
        while sealed := sealer.seal(now=timezone.now(), **limits):
            total += sealed
        return total

    def write_sealed(self, *counts):
        for count in counts:
            self.write(count)
            self.seal()

    def verify(self, *, anchored=True, limit=7, **options):
        work = Verification(anchors=self.anchors if anchored else None, **options)
        while not work.is_read:
            work.step(limit=limit)
        return work.finish(now=timezone.now())


@pytest.fixture
def log(transactional_db, tmp_path):
    return Log(tmp_path / "anchors")


@pytest.fixture
def superuser(transactional_db, services):
    with services.postgres.connect_superuser() as session:
        yield session
