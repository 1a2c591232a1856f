"""Routes of the signal pages."""

from django.urls import path

from signals.web import views

urlpatterns = [
    path("signals", views.SignalList.as_view()),
    path("signals/<uuid:signal_id>", views.SignalDetail.as_view()),
]
