"""Runs over stored signals: definition in the web process, replay in the laboratory's role."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import override_settings

from compliance import erasure, subject_links, subjects
from compliance.privacy import restrictions
from laboratory import selectors
from laboratory.contracts import ChallengerSpec, ExperimentDraft
from laboratory.models import CrossingDecision, Run
from laboratory.report import fingerprint
from laboratory.services import experiments, runs
from laboratory.tests.factories import (
    LONGER,
    make_draft,
    make_history,
    make_person,
    store_history,
    work_off,
)
from revctx.api.errors import Unprocessable

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

ROOT = Path(__file__).resolve().parents[2]
# A month that has its partition: signals are stored by when they were received.
NOW = datetime.now(UTC).replace(microsecond=0)
OTHER_THRESHOLD = ChallengerSpec(hot_threshold=62)


def define(challenger: ChallengerSpec, **values):
    draft = ExperimentDraft(name="longer memory", challenger=challenger, **values)
    return experiments.create_experiment(draft=draft, user_id=1, now=NOW)


def run_to_end(challenger: ChallengerSpec, **values) -> Run:
    experiment = define(challenger, **values)
    experiments.request_run(experiment_id=experiment.pk, user_id=1, now=NOW)
    run = work_off(now=NOW)
    assert run is not None
    assert run.state == Run.State.DONE
    return run


def crossing_accounts(run: Run, arm: str) -> set:
    return {decision.account_id for decision in selectors.list_decisions(run.pk) if decision.arm == arm}


class TestReplay:
    def test_a_half_life_change_alters_which_accounts_cross(self):
        make_history(now=NOW)

        run = run_to_end(LONGER)

        champion, challenger = crossing_accounts(run, "champion"), crossing_accounts(run, "challenger")
        assert len(champion) == 1
        assert len(challenger) == 2
        assert champion < challenger
        flips = run.metrics["flips"]
        assert (flips["gained"], flips["lost"], flips["kept"]) == (1, 0, 1)
        [flip] = flips["accounts"]
        assert flip["champion_peak"] < 70 <= flip["challenger_peak"]

    def test_a_challenger_that_changes_nothing_alters_nothing(self):
        make_history(now=NOW)

        run = run_to_end(ChallengerSpec())

        assert run.metrics["flips"] == {"gained": 0, "lost": 0, "kept": 1, "accounts": []}
        assert run.metrics["arms"]["champion"] == run.metrics["arms"]["challenger"]
        assert run.experiment.champion == run.experiment.challenger
        assert run.metrics_sha256 == run_to_end(ChallengerSpec()).metrics_sha256

    def test_the_same_manifest_gives_byte_identical_metrics(self):
        make_history(now=NOW)
        first = run_to_end(LONGER)

        experiments.request_run(experiment_id=first.experiment_id, user_id=1, now=NOW)
        second = work_off(now=NOW + timedelta(days=3))

        assert second.pk != first.pk
        assert second.manifest == first.manifest
        assert second.metrics_sha256 == first.metrics_sha256 == fingerprint(second.metrics)

    def test_what_became_known_later_is_not_seen(self):
        make_history(now=NOW)
        first = run_to_end(LONGER)

        store_history([make_draft("lab-later", NOW - timedelta(days=1))], now=NOW + timedelta(hours=1))
        experiments.request_run(experiment_id=first.experiment_id, user_id=1, now=NOW)
        second = work_off(now=NOW + timedelta(days=3))

        assert second.manifest["signals"] == first.manifest["signals"]

    def test_signals_of_an_erased_person_are_not_seen(self):
        make_history(now=NOW)
        draft = make_draft("lab-erased", NOW - timedelta(days=40), person=make_person("ana@lab.example"))
        store_history([draft], now=NOW)
        before = run_to_end(LONGER)

        subject_id = subjects.find_subject(email="ana@lab.example")
        erasure.erase(subject_id=subject_id, actor="system:test", now=NOW)
        after = run_to_end(LONGER)

        assert after.manifest["signals"]["count"] == before.manifest["signals"]["count"] - 1

    def test_signals_of_a_restricted_person_are_not_seen_until_it_is_lifted(self):
        make_history(now=NOW)
        draft = make_draft("lab-restricted", NOW - timedelta(days=40), person=make_person("ana@lab.example"))
        store_history([draft], now=NOW)
        before = run_to_end(LONGER)
        person = subjects.find_subject(email="ana@lab.example")
        other = subjects.ensure_subjects(emails=["bo@lab.example"], now=NOW)["bo@lab.example"]
        subject_links.link(subject_id=person, survivor_id=other, actor="system:test", now=NOW)

        restrictions.restrict(subject_id=other, reason="restriction", actor="system:test", now=NOW)
        during = run_to_end(LONGER)
        restrictions.lift(subject_id=other, actor="system:test", now=NOW)

        assert during.manifest["signals"]["count"] == before.manifest["signals"]["count"] - 1
        assert run_to_end(LONGER).manifest["signals"]["count"] == before.manifest["signals"]["count"]

    def test_history_that_was_loaded_later_crosses_at_its_own_time(self):
        make_history(now=NOW)

        run = run_to_end(LONGER)

        times = sorted(decision.at for decision in selectors.list_decisions(run.pk))
        assert times[-1] == NOW - timedelta(days=30)

    def test_without_the_allowance_it_counts_when_it_was_received_and_has_decayed_by_then(self):
        make_history(now=NOW)

        run = run_to_end(ChallengerSpec(), backfill_after_hours=10_000)

        assert run.manifest["signals"]["first"]["at"] == NOW.isoformat()
        assert not selectors.list_decisions(run.pk).exists()


class TestDefinition:
    def test_an_unknown_signal_type_is_refused(self):
        with pytest.raises(Unprocessable) as refused:
            define(ChallengerSpec(half_lives={"telepathy": 60}))

        assert refused.value.code == "unknown_signal_type"

    @pytest.mark.parametrize(
        "window",
        [
            {"known_at": NOW + timedelta(seconds=1)},
            {"window_end": NOW, "known_at": NOW - timedelta(days=1)},
            {"window_start": NOW, "window_end": NOW - timedelta(days=1)},
        ],
    )
    def test_a_window_that_can_not_be_is_refused(self, window):
        with pytest.raises(Unprocessable):
            define(LONGER, **window)

    def test_only_what_differs_becomes_a_new_version(self):
        experiment = define(OTHER_THRESHOLD)

        assert experiment.challenger["decay"] == experiment.champion["decay"]
        assert experiment.challenger["weight"]["version"] > experiment.champion["weight"]["version"]


class TestQueue:
    def request(self) -> Run:
        return experiments.request_run(experiment_id=define(LONGER).pk, user_id=1, now=NOW)

    def claim(self, now: datetime = NOW) -> Run | None:
        with override_settings(EXECUTION_MODE="laboratory"):
            return runs.claim_run(worker="one", now=now)

    def test_asking_twice_queues_once(self):
        run = self.request()

        again = experiments.request_run(experiment_id=run.experiment_id, user_id=2, now=NOW)

        assert again.pk == run.pk

    def test_the_gauge_counts_experiments_with_an_open_run(self):
        run = self.request()
        assert selectors.count_active_experiments() == 1

        work_off(now=NOW)

        assert Run.objects.get(pk=run.pk).state == Run.State.DONE
        assert selectors.count_active_experiments() == 0

    def test_a_run_whose_worker_is_gone_is_taken_by_another_which_alone_can_finish_it(self):
        self.request()
        lost = self.claim()
        assert self.claim() is None

        later = NOW + runs.LEASE + timedelta(seconds=1)
        taken = self.claim(later)

        assert taken.pk == lost.pk
        with override_settings(EXECUTION_MODE="laboratory"), pytest.raises(runs.RunLostError):
            runs.execute_run(run=lost, read_clock=lambda: later, should_stop=lambda: False)
        with override_settings(EXECUTION_MODE="laboratory"):
            runs.execute_run(run=taken, read_clock=lambda: later, should_stop=lambda: False)
        assert Run.objects.get(pk=lost.pk).state == Run.State.DONE

    def test_a_run_that_kills_its_workers_is_given_up(self):
        run = self.request()
        now = NOW
        for _ in range(runs.MAX_ATTEMPTS + 1):
            self.claim(now)
            now += runs.LEASE + timedelta(seconds=1)

        run.refresh_from_db()
        assert (run.state, run.failure) == (Run.State.FAILED, "worker_lost")

    def test_a_worker_that_must_stop_gives_its_run_back_whole(self):
        make_history(now=NOW)
        self.request()
        run = self.claim()

        with override_settings(EXECUTION_MODE="laboratory"):
            with pytest.raises(runs.StopRequestedError):
                runs.execute_run(run=run, read_clock=lambda: NOW, should_stop=lambda: True)
            runs.release_run(run=run)

        run.refresh_from_db()
        assert (run.state, run.attempt) == (Run.State.QUEUED, 0)
        assert not CrossingDecision.objects.exists()
        assert work_off(now=NOW).state == Run.State.DONE


class TestWorkerProcess:
    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", "lab_worker", *arguments],
            cwd=ROOT,
            env={**os.environ, "EXECUTION_MODE": "laboratory", "LOG_LEVEL": "INFO"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def test_it_does_the_runs_that_wait_and_then_stops(self):
        now = datetime.now(UTC)
        make_history(now=now)
        draft = ExperimentDraft(name="in a process of its own", challenger=LONGER)
        experiment = experiments.create_experiment(draft=draft, user_id=1, now=now)
        experiments.request_run(experiment_id=experiment.pk, user_id=1, now=now)

        worker = self.start("--once")
        output, _ = worker.communicate(timeout=60)

        assert worker.returncode == 0, output
        run = selectors.find_done_run(experiment.pk)
        assert run is not None, output
        assert run.metrics["flips"]["gained"] >= 1

    def test_it_stops_when_asked(self):
        worker = self.start("--poll", "0.2")
        try:
            assert worker.stdout is not None
            started = next(line for line in worker.stdout if "lab_worker.started" in line)
            assert started
            asked = time.monotonic()
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(timeout=10) == 0
            assert time.monotonic() - asked < 5
        finally:
            worker.kill()
            worker.communicate()
