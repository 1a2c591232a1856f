"""Routes of the laboratory pages."""

from django.urls import path

from laboratory.web import promotions, views

urlpatterns = [
    path("laboratory", views.ExperimentList.as_view()),
    path("laboratory/new", views.ExperimentForm.as_view()),
    path("laboratory/<uuid:experiment_id>", views.ExperimentDetail.as_view()),
    path("laboratory/<uuid:experiment_id>/run", views.RunExperiment.as_view()),
    path("laboratory/<uuid:experiment_id>/promote", promotions.Propose.as_view()),
    path("laboratory/promotions/<uuid:promotion_id>/<str:decision>", promotions.Decide.as_view()),
]
