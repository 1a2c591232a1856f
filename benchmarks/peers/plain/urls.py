"""The one path."""

from django.urls import path

from benchmarks.peers.plain.views import SignalView

urlpatterns = [path("api/signals", SignalView.as_view())]
