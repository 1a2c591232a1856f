"""Paths of the signal store, below `/api/`."""

from django.urls import path

from signals.api import quarantine
from signals.api.views import SignalBatchView, SignalDetailView, SignalListView

urlpatterns = [
    path("signals", SignalListView.as_view(), name="signal-list"),
    path("signals/batch", SignalBatchView.as_view(), name="signal-batch"),
    path("signals/<uuid:signal_id>", SignalDetailView.as_view(), name="signal-detail"),
    path("signals/quarantine", quarantine.QuarantineListView.as_view()),
    path(
        "signals/quarantine/replay", quarantine.QuarantineBulkReplayView.as_view(), name="quarantine-replay"
    ),
    path("signals/quarantine/<uuid:payload_id>", quarantine.QuarantineDetailView.as_view()),
    path("signals/quarantine/<uuid:payload_id>/replay", quarantine.QuarantineReplayView.as_view()),
]
