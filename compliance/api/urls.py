"""Paths of the compliance endpoints, below `/api/`."""

from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from compliance.api import audit_views, breaches, consent_views, privacy, ropa, views

urlpatterns = [
    path("consent", views.ConsentView.as_view()),
    path("consent/check", views.ConsentCheckView.as_view()),
    path("consent/revoke", views.ConsentRevokeView.as_view()),
    path("consent/history", consent_views.ConsentHistoryView.as_view()),
    path("consent/receipts/key", consent_views.ConsentReceiptKeyView.as_view()),
    path("consent/receipts/<uuid:revision_id>", consent_views.ConsentReceiptView.as_view()),
    path("consent/confirm/<str:token>", csrf_exempt(consent_views.ConfirmView.as_view())),
    # `path`, because a local part may hold a slash.
    path("consent/<path:email>", views.ConsentByAddressView.as_view()),
    path("privacy/requests", privacy.PrivacyRequestsView.as_view()),
    path("privacy/requests/<uuid:request_id>", privacy.PrivacyRequestView.as_view()),
    path("privacy/requests/<uuid:request_id>/decisions", privacy.PrivacyDecisionView.as_view()),
    path("privacy/requests/<uuid:request_id>/export", privacy.PrivacyExportView.as_view()),
    path("privacy/requests/<uuid:request_id>/certificate", privacy.PrivacyCertificateView.as_view()),
    path("compliance/breaches", breaches.BreachesView.as_view()),
    path("compliance/breaches/<uuid:breach_id>", breaches.BreachView.as_view()),
    path("compliance/breaches/<uuid:breach_id>/decisions", breaches.BreachDecisionView.as_view()),
    path("compliance/breaches/<uuid:breach_id>/affected", breaches.BreachAffectedView.as_view()),
    path("compliance/ropa", ropa.RopaView.as_view()),
    path("audit/events", views.AuditEventListView.as_view()),
    path("audit/events/<uuid:event_id>/proof", audit_views.EventProofView.as_view()),
    path("audit/checkpoints/latest", audit_views.LatestCheckpointView.as_view()),
    path("audit/checkpoints/consistency", audit_views.ConsistencyView.as_view()),
    path("audit/verify", audit_views.VerifyView.as_view()),
    path("audit/verify/<uuid:verification_id>", audit_views.VerificationView.as_view()),
]
