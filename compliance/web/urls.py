"""Routes of the privacy and audit pages. No address of a person is ever part of one."""

from django.urls import path

from compliance.api.consent_views import GpcSupportView
from compliance.web import audit, privacy

urlpatterns = [
    path("privacy", privacy.ConsentLookup.as_view()),
    path("privacy/consents", privacy.RecordConsent.as_view()),
    path("privacy/<uuid:subject_id>", privacy.SubjectConsent.as_view()),
    path("privacy/<uuid:subject_id>/revoke", privacy.RevokeConsent.as_view()),
    path(".well-known/gpc.json", GpcSupportView.as_view()),
    path("audit", audit.AuditEvents.as_view()),
]
