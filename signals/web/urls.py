"""Routes of the signal pages."""

from django.urls import path

from signals.web import quarantine, views

urlpatterns = [
    path("signals", views.SignalList.as_view()),
    path("signals/<uuid:signal_id>", views.SignalDetail.as_view()),
    path("signals/quarantine", quarantine.QuarantinePage.as_view()),
    path("signals/quarantine/<uuid:payload_id>", quarantine.QuarantinedPage.as_view()),
]
