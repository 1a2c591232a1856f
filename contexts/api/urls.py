"""Paths of the accounts, below `/api/`."""

from django.urls import path

from contexts.api.views import (
    AccountDetailView,
    AccountListView,
    AccountPackView,
    AccountScoreView,
    AccountTimelineView,
)

urlpatterns = [
    path("accounts", AccountListView.as_view(), name="account-list"),
    path("accounts/<str:ref>", AccountDetailView.as_view(), name="account-detail"),
    path("accounts/<str:ref>/score", AccountScoreView.as_view(), name="account-score"),
    path("accounts/<str:ref>/timeline", AccountTimelineView.as_view(), name="account-timeline"),
    path("accounts/<str:ref>/context-pack", AccountPackView.as_view(), name="account-context-pack"),
]
