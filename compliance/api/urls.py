"""Paths of the compliance endpoints, below `/api/`."""

from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from compliance.api import audit_views, consent_views, views

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
    path("audit/events", views.AuditEventListView.as_view()),
    path("audit/events/<uuid:event_id>/proof", audit_views.EventProofView.as_view()),
    path("audit/checkpoints/latest", audit_views.LatestCheckpointView.as_view()),
    path("audit/checkpoints/consistency", audit_views.ConsistencyView.as_view()),
    path("audit/verify", audit_views.VerifyView.as_view()),
    path("audit/verify/<uuid:verification_id>", audit_views.VerificationView.as_view()),
]
