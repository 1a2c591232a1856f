"""Routes of the privacy and audit pages. No address of a person is ever part of one."""

from django.urls import path

from compliance.api.consent_views import GpcSupportView
from compliance.web import audit, breaches, privacy, requests, verifications

urlpatterns = [
    path("privacy", privacy.ConsentLookup.as_view()),
    path("privacy/consents", privacy.RecordConsent.as_view()),
    path("privacy/requests", requests.PrivacyRequests.as_view()),
    path("privacy/requests/new", requests.NewPrivacyRequest.as_view()),
    path("privacy/requests/<uuid:request_id>", requests.PrivacyRequestPage.as_view()),
    path("privacy/requests/<uuid:request_id>/certificate", requests.CertificateDownload.as_view()),
    path("privacy/requests/<uuid:request_id>/export", requests.ExportDownload.as_view()),
    path("privacy/breaches", breaches.Breaches.as_view()),
    path("privacy/breaches/new", breaches.NewBreach.as_view()),
    path("privacy/breaches/<uuid:breach_id>", breaches.BreachPage.as_view()),
    path("privacy/breaches/<uuid:breach_id>/affected", breaches.AffectedDownload.as_view()),
    path("privacy/<uuid:subject_id>", privacy.SubjectConsent.as_view()),
    path("privacy/<uuid:subject_id>/revoke", privacy.RevokeConsent.as_view()),
    path(".well-known/gpc.json", GpcSupportView.as_view()),
    path("audit", audit.AuditEvents.as_view()),
    path("audit/verifications", verifications.Verifications.as_view()),
    path("audit/verifications/<uuid:verification_id>", verifications.VerificationPage.as_view()),
    path("audit/verifications/<uuid:verification_id>.json", verifications.VerificationFile.as_view()),
]
