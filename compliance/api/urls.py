"""Paths of the compliance endpoints, below `/api/`."""

from django.urls import path

from compliance.api import views

urlpatterns = [
    path("consent", views.ConsentView.as_view()),
    path("consent/check", views.ConsentCheckView.as_view()),
    path("consent/revoke", views.ConsentRevokeView.as_view()),
    # `path`, because a local part may hold a slash.
    path("consent/<path:email>", views.ConsentByAddressView.as_view()),
    path("audit/events", views.AuditEventListView.as_view()),
]
