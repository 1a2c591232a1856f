"""Paths of the accounts, below `/api/`."""

from django.urls import path

from contexts.api import merge_views
from contexts.api.enrichment_views import AccountEnrichmentView
from contexts.api.facts_views import AccountFactsView
from contexts.api.graph import AccountGraphView
from contexts.api.views import (
    AccountDetailView,
    AccountListView,
    AccountPackView,
    AccountScoreView,
    AccountTimelineView,
    StoredPackView,
)

urlpatterns = [
    path("accounts", AccountListView.as_view(), name="account-list"),
    path("accounts/<str:ref>", AccountDetailView.as_view(), name="account-detail"),
    path("accounts/<str:ref>/score", AccountScoreView.as_view(), name="account-score"),
    path("accounts/<str:ref>/timeline", AccountTimelineView.as_view(), name="account-timeline"),
    path("accounts/<str:ref>/graph", AccountGraphView.as_view(), name="account-graph"),
    path("accounts/<str:ref>/context-pack", AccountPackView.as_view(), name="account-context-pack"),
    path("accounts/<str:ref>/enrichment", AccountEnrichmentView.as_view(), name="account-enrichment"),
    path("accounts/<str:ref>/facts", AccountFactsView.as_view(), name="account-facts"),
    path("context-packs/<uuid:pack_id>", StoredPackView.as_view(), name="context-pack"),
    path("identity/merges", merge_views.MergesView.as_view(), name="merge-list"),
    path("identity/merges/preview", merge_views.MergePreviewView.as_view(), name="merge-preview"),
    path("identity/merges/<uuid:merge_id>", merge_views.MergeView.as_view(), name="merge-detail"),
    path("identity/merges/<uuid:merge_id>/undo", merge_views.MergeUndoView.as_view(), name="merge-undo"),
    path("identity/candidates", merge_views.CandidatesView.as_view(), name="candidate-list"),
    path(
        "identity/candidates/<uuid:candidate_id>/dismiss",
        merge_views.CandidateDismissView.as_view(),
        name="candidate-dismiss",
    ),
]
