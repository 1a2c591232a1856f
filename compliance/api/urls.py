"""Paths of the compliance endpoints, below `/api/`."""

from django.urls import path

from compliance.api import privacy, ropa, views

urlpatterns = [
    path("consent", views.ConsentView.as_view()),
    path("consent/check", views.ConsentCheckView.as_view()),
    path("consent/revoke", views.ConsentRevokeView.as_view()),
    # `path`, because a local part may hold a slash.
    path("consent/<path:email>", views.ConsentByAddressView.as_view()),
    path("privacy/requests", privacy.PrivacyRequestsView.as_view()),
    path("privacy/requests/<uuid:request_id>", privacy.PrivacyRequestView.as_view()),
    path("privacy/requests/<uuid:request_id>/decisions", privacy.PrivacyDecisionView.as_view()),
    path("privacy/requests/<uuid:request_id>/export", privacy.PrivacyExportView.as_view()),
    path("privacy/requests/<uuid:request_id>/certificate", privacy.PrivacyCertificateView.as_view()),
    path("compliance/ropa", ropa.RopaView.as_view()),
    path("audit/events", views.AuditEventListView.as_view()),
]
