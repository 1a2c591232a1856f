"""One task a signal: read it, lock its account, let the score decay, add to it."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.peers.plain.settings")
app = Celery("plain")
app.config_from_object("django.conf:settings", namespace="CELERY")

HALF_LIFE_SECONDS = 14 * 86_400


@app.task(ignore_result=True, acks_late=True)
def score(signal_id: str) -> None:
    """Add one signal to its account's score; half of it is gone after two weeks."""
    from django.db import transaction

    from benchmarks.peers.plain.models import Account, Signal

    signal = Signal.objects.get(id=signal_id)
    reference = next(iter(signal.account.values()))
    with transaction.atomic():
        Account.objects.get_or_create(
            reference=reference, defaults={"score": 0.0, "scored_at": signal.occurred_at, "signals": 0}
        )
        account = Account.objects.select_for_update().get(reference=reference)
        age = (signal.occurred_at - account.scored_at).total_seconds()
        if age >= 0:
            account.score = account.score * 0.5 ** (age / HALF_LIFE_SECONDS) + signal.strength
            account.scored_at = signal.occurred_at
        else:
            account.score += signal.strength * 0.5 ** (-age / HALF_LIFE_SECONDS)
        account.signals += 1
        account.save()
