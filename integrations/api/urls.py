"""Doors of the connectors, below `/api/`."""

from django.urls import path

from integrations.salesforce.outbound_views import OutboundMessagesView
from integrations.salesforce.views import SalesforceWebhookView

urlpatterns = [
    path("integrations/salesforce/webhook", SalesforceWebhookView.as_view(), name="salesforce-webhook"),
    path(
        "integrations/salesforce/outbound-messages",
        OutboundMessagesView.as_view(),
        name="salesforce-outbound-messages",
    ),
]
