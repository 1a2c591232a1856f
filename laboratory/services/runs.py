"""What a laboratory worker does with a run: claim, replay, finish. Works as the laboratory's role."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import router, transaction
from django.db.models import F, Q, QuerySet

from contexts import bands, buckets, cooling, scoring, scoring_config
from laboratory import arm, comparison, identity, manifest, replay, report, source
from laboratory.arm import Window
from laboratory.code_version import hash_sources
from laboratory.models import CrossingDecision, Experiment, Run
from laboratory.replay import ReplayResult

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 3
ROWS_AN_INSERT = 1_000
# Everything that a result depends on besides the signals and the configurations.
CODE_VERSION = hash_sources(
    bands, buckets, cooling, scoring, scoring_config, arm, comparison, identity, manifest, replay, report
)


class RunLostError(RuntimeError):
    """Another worker has taken the run, because this one was silent for too long."""


class StopRequestedError(RuntimeError):
    """The worker was asked to stop; the run goes back into the queue."""


def claim_run(*, worker: str, now: datetime) -> Run | None:
    """Take the oldest run that waits or whose worker is gone; None when there is none.

    A run that lost its worker three times is failed instead of taken again.
    """
    abandoned = Q(state=Run.State.RUNNING, heartbeat_at__lt=now - LEASE)
    with transaction.atomic(using=_alias()):
        run = (
            Run.objects.select_for_update(skip_locked=True)
            .filter(Q(state=Run.State.QUEUED) | abandoned)
            .order_by("created_at", "id")
            .first()
        )
        if run is None:
            return None
        if run.attempt >= MAX_ATTEMPTS:
            _update(run, state=Run.State.FAILED, failure="worker_lost", finished_at=now)
            return None
        _update(
            run,
            state=Run.State.RUNNING,
            worker=worker,
            attempt=run.attempt + 1,
            started_at=run.started_at or now,
            heartbeat_at=now,
            processed=0,
        )
    return run


def execute_run(
    *, run: Run, read_clock: Callable[[], datetime], should_stop: Callable[[], bool]
) -> ReplayResult:
    """Replay the run's experiment and store manifest, metrics and decisions.

    Nothing is written but progress until the end, so an interrupted run leaves no half result.

    Raises:
        StopRequestedError: `should_stop` said so; the caller releases the run.
        RunLostError: another worker has taken the run meanwhile.
    """
    _fenced(run, total=source.count_signals(run.experiment))
    result = _replay(run, read_clock, should_stop)
    metrics = _measure(run.experiment, result)
    with transaction.atomic(using=_alias()):
        _fenced(
            run,
            state=Run.State.DONE,
            finished_at=read_clock(),
            manifest=describe_manifest(experiment=run.experiment, result=result),
            metrics=metrics,
            metrics_sha256=report.fingerprint(metrics),
        )
        _store_decisions(run, result)
    return result


def _replay(run: Run, read_clock: Callable[[], datetime], should_stop: Callable[[], bool]) -> ReplayResult:
    """Walk through the signals, reporting progress and listening for a stop."""
    experiment = run.experiment

    def report_progress(done: int) -> None:
        if should_stop():
            raise StopRequestedError
        _fenced(run, processed=done, heartbeat_at=read_clock())

    result = replay.replay(
        signals=source.stream_signals(experiment),
        changes=source.list_changes(experiment),
        champion=experiment.champion,
        challenger=experiment.challenger,
        window=Window(experiment.window_start, experiment.window_end),
        report=report_progress,
    )
    # The resampling that follows reports nothing; give it a whole lease.
    report_progress(result.digest.count)
    return result


def _measure(experiment: Experiment, result: ReplayResult) -> dict[str, object]:
    return report.build_report(
        champion=result.champion,
        challenger=result.challenger,
        advances=result.advances,
        peaks=result.peaks,
        known_at=experiment.known_at,
        k=experiment.review_capacity,
        seed=experiment.seed,
    )


def describe_manifest(*, experiment: Experiment, result: ReplayResult) -> dict[str, object]:
    """Return everything that determines the metrics, as JSON values."""
    start = experiment.window_start
    return {
        "signals": result.digest.describe(),
        "window_start": start.isoformat() if start else None,
        "window_end": experiment.window_end.isoformat(),
        "known_at": experiment.known_at.isoformat(),
        "backfill_after_hours": experiment.backfill_after_hours,
        "champion_sha256": report.fingerprint(experiment.champion),
        "challenger_sha256": report.fingerprint(experiment.challenger),
        "review_capacity": experiment.review_capacity,
        "seed": experiment.seed,
        "code_version": CODE_VERSION,
    }


def release_run(*, run: Run) -> None:
    """Put a run that its worker can't finish back into the queue; it costs no attempt."""
    _own(run).update(state=Run.State.QUEUED, attempt=F("attempt") - 1, worker="", processed=0)


def fail_run(*, run: Run, failure: str, now: datetime) -> None:
    """End a run that can't succeed, with a code that says why."""
    _own(run).update(state=Run.State.FAILED, failure=failure, finished_at=now)


def _store_decisions(run: Run, result: ReplayResult) -> None:
    arms = {
        CrossingDecision.Arm.CHAMPION: result.champion,
        CrossingDecision.Arm.CHALLENGER: result.challenger,
    }
    rows = [
        CrossingDecision(
            run=run,
            arm=arm,
            account_id=crossing.account_id,
            signal_id=crossing.signal_id,
            at=crossing.at,
            intent=crossing.intent,
        )
        for arm, crossings in arms.items()
        for crossing in crossings
    ]
    CrossingDecision.objects.bulk_create(rows, batch_size=ROWS_AN_INSERT)


def _own(run: Run) -> QuerySet[Run]:
    return Run.objects.filter(pk=run.pk, state=Run.State.RUNNING, attempt=run.attempt)


def _fenced(run: Run, **values: object) -> None:
    if not _own(run).update(**values):
        raise RunLostError(f"run {run.pk} has another worker")


def _update(run: Run, **values: object) -> None:
    for name, value in values.items():
        setattr(run, name, value)
    run.save(update_fields=list(values))


def _alias() -> str:
    return router.db_for_write(Run)
