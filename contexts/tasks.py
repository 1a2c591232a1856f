"""Celery entry points of the context engine; a message is only a hint that there is work."""

from datetime import datetime, timedelta
from functools import partial

from celery import shared_task
from django.utils import timezone

from contexts.services import rollouts
from contexts.services.matching import apply_due_merges
from contexts.services.sweeping import sweep
from contexts.services.work import apply_signals
from revctx.eventbus import workitems

GROUP = "context-engine"
CHUNK = 500
ROLLOUT_SECONDS = 45  # of one task; the next one goes on


def _apply(items: list[workitems.WorkItemData], *, now: datetime) -> None:
    apply_signals(items=items, now=now)


@shared_task(name="contexts.tasks.process_work")
def process_work(count: int = 0) -> int:
    """Work off the due items of the group, ≤500 a transaction; return how many were done."""
    done = 0
    while True:
        now = timezone.now()
        handle = partial(_apply, now=now)
        finished = workitems.process(group=GROUP, handle=handle, limit=CHUNK, now=now)
        if finished:  # many hints come late, and find that another worker has done all
            apply_due_merges(now=now)
        done += finished
        if finished < CHUNK:
            return done


@shared_task(name="contexts.tasks.sweep_bands")
def sweep_bands() -> int:
    """Let bands fall that are due and refresh stored scores; return how many accounts were scored."""
    now = timezone.now()
    apply_due_merges(now=now)
    return sweep(now=now)


@shared_task(name="contexts.tasks.roll_out_configs")
def roll_out_configs() -> int:
    """Go on with the unfinished rollout of a configuration, if nobody is at it; return the chunks done."""
    until, chunks = timezone.now() + timedelta(seconds=ROLLOUT_SECONDS), 0
    while (now := timezone.now()) < until:
        rollout = rollouts.step(now=now)
        if rollout is None:
            break
        chunks += 1
    return chunks
