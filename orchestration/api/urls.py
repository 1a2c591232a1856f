"""Paths below `/api/`."""

from django.urls import path

from orchestration.api import views

urlpatterns = [
    path("actions/pending", views.PendingView.as_view(), name="actions-pending"),
    path("actions/next", views.NextView.as_view(), name="actions-next"),
    path("actions/<uuid:action_id>", views.ActionView.as_view(), name="action"),
    path("actions/<uuid:action_id>/approve", views.ApproveView.as_view(), name="action-approve"),
    path("actions/<uuid:action_id>/reject", views.RejectView.as_view(), name="action-reject"),
    path("actions/<uuid:action_id>/claim", views.ClaimView.as_view(), name="action-claim"),
    path("actions/<uuid:action_id>/release", views.ReleaseView.as_view(), name="action-release"),
    path("actions/<uuid:action_id>/undo", views.UndoView.as_view(), name="action-undo"),
    path("unsubscribe/<str:token>", views.UnsubscribeView.as_view(), name="unsubscribe"),
]
