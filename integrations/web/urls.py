"""Routes of the integrators' pages."""

from django.urls import path

from integrations.web import views

urlpatterns = [
    path("integrations", views.Inbound.as_view()),
    path("integrations/sources/<str:slug>", views.DryRun.as_view()),
]
