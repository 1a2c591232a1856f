"""Routes of the privacy and audit pages. No address of a person is ever part of one."""

from django.urls import path

from compliance.web import audit, privacy, requests

urlpatterns = [
    path("privacy", privacy.ConsentLookup.as_view()),
    path("privacy/consents", privacy.RecordConsent.as_view()),
    path("privacy/requests", requests.PrivacyRequests.as_view()),
    path("privacy/requests/new", requests.NewPrivacyRequest.as_view()),
    path("privacy/requests/<uuid:request_id>", requests.PrivacyRequestPage.as_view()),
    path("privacy/requests/<uuid:request_id>/certificate", requests.CertificateDownload.as_view()),
    path("privacy/requests/<uuid:request_id>/export", requests.ExportDownload.as_view()),
    path("privacy/<uuid:subject_id>", privacy.SubjectConsent.as_view()),
    path("privacy/<uuid:subject_id>/revoke", privacy.RevokeConsent.as_view()),
    path("audit", audit.AuditEvents.as_view()),
]
