"""`manage.py verify_audit`: was anything changed that was sealed?"""

import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from compliance.sealing import requests
from compliance.sealing.anchors import Anchors
from compliance.sealing.findings import NOT_COVERED, Report
from compliance.sealing.keys import InvalidNote, PublicKey
from compliance.sealing.trust import NoKey
from compliance.sealing.verification import Verification

BAR_WIDTH = 30


class Command(BaseCommand):
    """Recompute every leaf, root and signature; exit with 1 if something is not as it was sealed."""

    help = "Verify the audit log against its seals and anchors; names the first bad row."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to verify against."""
        parser.add_argument("--anchors", type=Path, help="folder of the anchors (default: AUDIT_ANCHOR_DIR)")
        parser.add_argument("--public-key", type=Path, help="file with the public key that you trust")

    def handle(self, *args: Any, anchors: Path | None, public_key: Path | None, **options: Any) -> None:
        """Verify, print the report.

        Raises:
            CommandError: it cannot be verified, or it is not sound (exit code 1).
        """
        if anchors is not None and not anchors.is_dir():
            raise CommandError(f"{anchors} is no folder.")
        try:
            pinned = PublicKey.parse(public_key.read_text()) if public_key else None
            folder = Anchors(anchors) if anchors else requests.find_anchors()
            work = Verification(anchors=folder, pinned=pinned)
        except (NoKey, InvalidNote, OSError) as error:
            raise CommandError(str(error)) from error
        started = time.perf_counter()
        while not work.is_read:
            work.step()
            self._show(work.progress.index, work.progress.size)
        report = work.finish(now=timezone.now())
        self._print(report, time.perf_counter() - started)
        if not report.is_sound:
            raise CommandError(f"NOT SOUND. First: {report.first}")

    def _show(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            filled = BAR_WIDTH * done // max(total, 1)
            bar = "█" * filled + "░" * (BAR_WIDTH - filled)
            self.stderr.write(f"\r{bar} {done:,} of {total:,}", ending="\n" if done == total else "")
            self.stderr.flush()

    def _print(self, report: Report, seconds: float) -> None:
        speed = report.rows / seconds if seconds else 0
        self.stdout.write(f"{report.size:,} leaves, {report.rows:,} rows in {seconds:.1f} s ({speed:,.0f}/s)")
        self.stdout.write(f"root {report.root}")
        self.stdout.write(f"key {report.key_id}, trusted from: {report.trust}")
        anchored = f"{report.anchored_size:,} leaves" if report.is_anchored else "none: a cut end is not seen"
        self.stdout.write(f"anchors {anchored}")
        for month, rows in report.retired.items():
            self.stdout.write(f"retired {month}: {rows:,} rows, by a signed record")
        self.stdout.write(f"waiting for their seal: {report.pending:,} rows")
        for found in report.findings:
            self.stdout.write(f"! {found}")
        if report.finding_count > len(report.findings):
            self.stdout.write(f"! and {report.finding_count - len(report.findings)} more")
        self.stdout.write("Never seen by any verification:")
        for line in NOT_COVERED:
            self.stdout.write(f"- {line}")
        if report.is_sound:
            self.stdout.write("SOUND: everything is as it was sealed.")
