"""Time alone changes scores: let bands fall when due, and keep the stored ranking fresh."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from contexts.models import AccountContext
from contexts.services.configs import RESCORE_CHUNK, rescore_outdated, share_active
from contexts.services.rescoring import rescore

REFRESH_AFTER = timedelta(seconds=55)
MAX_CHUNKS = 40  # of one kind a sweep; the next sweep goes on


def sweep(*, now: datetime) -> int:
    """Score accounts whose hot time is over, then of an older configuration, then the stale ones.

    Returns: how many accounts were scored.
    """
    done = _repeat(lambda: _score_chunk(_list_cooled(now), now))
    done += _score_outdated(now)
    return done + _repeat(lambda: _score_chunk(_list_stale(now), now))


def _repeat(step: Callable[[], int]) -> int:
    done = 0
    for _ in range(MAX_CHUNKS):
        scored = step()
        done += scored
        if scored < RESCORE_CHUNK:
            break
    return done


def _score_outdated(now: datetime) -> int:
    done, after = rescore_outdated(now=now, limit=RESCORE_CHUNK)
    for _ in range(MAX_CHUNKS - 1):
        if after is None:
            break
        scored, after = rescore_outdated(now=now, limit=RESCORE_CHUNK, after=after)
        done += scored
    return done


def _list_cooled(now: datetime) -> "QuerySet[AccountContext, UUID]":
    """Return hot accounts whose time is over, by the partial index on it."""
    due = AccountContext.objects.filter(band="hot", hot_until__lt=now).order_by("hot_until")
    return due.values_list("account_id", flat=True)


def _list_stale(now: datetime) -> "QuerySet[AccountContext, UUID]":
    """Return accounts with intent that were not scored for a while, the longest first."""
    stale = AccountContext.objects.filter(intent_score__gt=0, scored_at__lt=now - REFRESH_AFTER)
    return stale.order_by("scored_at").values_list("account_id", flat=True)


@transaction.atomic
def _score_chunk(due: "QuerySet[AccountContext, UUID]", now: datetime) -> int:
    configs = share_active()
    account_ids = list(due[:RESCORE_CHUNK])
    rescore(account_ids=account_ids, configs=configs, now=now, changed=())
    return len(account_ids)
