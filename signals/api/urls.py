"""Paths of the signal store, below `/api/`."""

from django.urls import path

from signals.api.views import SignalDetailView, SignalListView

urlpatterns = [
    path("signals", SignalListView.as_view(), name="signal-list"),
    path("signals/<uuid:signal_id>", SignalDetailView.as_view(), name="signal-detail"),
]
