"""Doors of the connectors, below `/api/`. Every webhook writes one line into the inbound log."""

from django.urls import path

from integrations.generic.views import UNKNOWN, GenericWebhookView
from integrations.hubspot.views import HubSpotWebhookView
from integrations.inbound import logged
from integrations.salesforce.outbound_views import OutboundMessagesView
from integrations.salesforce.views import SalesforceWebhookView
from integrations.segment.views import SegmentWebhookView

urlpatterns = [
    path(
        "integrations/salesforce/webhook",
        logged(SalesforceWebhookView.as_view(), source="salesforce"),
        name="salesforce-webhook",
    ),
    path(
        "integrations/hubspot/webhook",
        logged(HubSpotWebhookView.as_view(), source="hubspot"),
        name="hubspot-webhook",
    ),
    path(
        "integrations/segment/webhook",
        logged(SegmentWebhookView.as_view(), source="segment"),
        name="segment-webhook",
    ),
    path(
        "integrations/generic/<str:slug>/webhook",
        logged(GenericWebhookView.as_view(), source=UNKNOWN),
        name="generic-webhook",
    ),
    path(
        "integrations/salesforce/outbound-messages",
        logged(OutboundMessagesView.as_view(), source="salesforce"),
        name="salesforce-outbound-messages",
    ),
]
