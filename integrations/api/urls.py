"""Doors of the connectors, below `/api/`."""

from django.urls import path

from integrations.salesforce.views import SalesforceWebhookView

urlpatterns = [
    path("integrations/salesforce/webhook", SalesforceWebhookView.as_view(), name="salesforce-webhook"),
]
