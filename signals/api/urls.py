"""Paths of the signal store, below `/api/`."""

from django.urls import path

from signals.api.views import SignalBatchView, SignalDetailView, SignalListView

urlpatterns = [
    path("signals", SignalListView.as_view(), name="signal-list"),
    path("signals/batch", SignalBatchView.as_view(), name="signal-batch"),
    path("signals/<uuid:signal_id>", SignalDetailView.as_view(), name="signal-detail"),
]
