"""Routes of the laboratory below `/api/`."""

from django.urls import path

from laboratory.api import views

urlpatterns = [
    path("laboratory/experiments", views.ExperimentListView.as_view(), name="lab-experiments"),
    path("laboratory/experiments/<uuid:experiment_id>/run", views.RunView.as_view(), name="lab-run"),
    path(
        "laboratory/experiments/<uuid:experiment_id>/compare", views.CompareView.as_view(), name="lab-compare"
    ),
    path(
        "laboratory/experiments/<uuid:experiment_id>/promote", views.PromoteView.as_view(), name="lab-promote"
    ),
    path(
        "laboratory/promotions/<uuid:promotion_id>/approve", views.ApproveView.as_view(), name="lab-approve"
    ),
    path("laboratory/promotions/<uuid:promotion_id>/reject", views.RejectView.as_view(), name="lab-reject"),
    path(
        "laboratory/promotions/<uuid:promotion_id>/rollback",
        views.RollbackView.as_view(),
        name="lab-rollback",
    ),
]
