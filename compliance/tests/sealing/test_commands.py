"""The sealer as a process: one leads, another takes over; and the commands around it."""

import base64
import os
import signal
import subprocess
import sys
import time
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from compliance.models import AuditCheckpoint, AuditLeaf
from compliance.sealing import gauges, inventory
from revctx.observability import registry


@pytest.fixture
def start(log, tmp_path):
    started = []

    def start_one(name):
        output = (tmp_path / f"{name}.log").open("wb")
        environment = os.environ | {
            "AUDIT_ANCHOR_DIR": str(log.anchors.folder), "LOG_LEVEL": "INFO", "PYTHONUNBUFFERED": "1"
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "manage.py", "sealer"],
            cwd=settings.BASE_DIR, env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        started.append((process, output))
        return process

    yield start_one
    for process, output in started:
        process.kill()
        process.wait()
        output.close()


def wait_for(reached, seconds=60):
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def leads(tmp_path, name):
    return "sealer.leading" in (tmp_path / f"{name}.log").read_text()


def test_one_sealer_leads_and_another_takes_over_when_it_is_killed(log, start, tmp_path):
    first = start("first")
    wait_for(lambda: leads(tmp_path, "first"))
    second = start("second")
    log.write(3)
    wait_for(lambda: AuditLeaf.objects.count() == 3)
    assert not leads(tmp_path, "second")

    first.send_signal(signal.SIGKILL)
    wait_for(lambda: leads(tmp_path, "second"))
    log.write(2)
    wait_for(lambda: AuditLeaf.objects.count() == 5)
    second.send_signal(signal.SIGTERM)

    assert second.wait(timeout=15) == 0
    assert log.verify().is_sound


def test_the_sealer_does_not_start_without_key_or_folder(settings):
    settings.AUDIT_ANCHOR_DIR = ""
    with pytest.raises(CommandError, match="AUDIT_ANCHOR_DIR"):
        call_command("sealer")


def test_verify_prints_a_sound_report(log):
    log.write_sealed(4)
    out = StringIO()

    call_command("verify_audit", anchors=log.anchors.folder, public_key=log.anchors.key_path, stdout=out)

    assert "SOUND" in out.getvalue()
    assert "trusted from: pinned" in out.getvalue()


@pytest.mark.parametrize("text", ["", "revctx/audit+00000000+AAAA", "nonsense"])
def test_verify_refuses_a_key_that_is_none(log, tmp_path, text):
    log.write_sealed(1)
    path = tmp_path / "key.pub"
    path.write_text(text)

    with pytest.raises(CommandError, match="public key"):
        call_command("verify_audit", public_key=path)


def test_rotate_hands_over(log, tmp_path):
    log.write_sealed(1)
    path, out = tmp_path / "new.key", StringIO()
    path.write_text(base64.b64encode(b"n" * 32).decode())

    call_command("rotate_audit_key", path, stdout=out)

    assert "From leaf 1 on revctx/audit+" in out.getvalue()
    assert AuditCheckpoint.objects.count() == 1
    with pytest.raises(CommandError, match="not the key that seals now"):
        call_command("rotate_audit_key", path)


def test_gauges_and_health_check_are_registered(db):
    names = {family.name: family for family in registry.GaugeCollector().collect()}
    assert {"audit_seal_lag_seconds", "audit_partitions_ahead"} <= set(names)
    assert names["audit_partitions_ahead"].samples[0].value == 3
    assert registry.list_health_checks()["seal_lag"] is gauges.check_lag


def test_partitions_ahead_counts_what_every_table_has(db, superuser):
    from django.utils import timezone

    now = timezone.now()
    assert inventory.count_months_ahead(now=now) == 3
    superuser.execute("SELECT revctx_create_month_partition('signals', (now() + interval '4 months')::date)")
    assert inventory.count_months_ahead(now=now) == 3
