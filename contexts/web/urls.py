"""Routes of the account pages; an account is named by its id or any alias."""

from django.urls import path

from contexts.web import merges, parts, views

urlpatterns = [
    path("accounts", views.AccountList.as_view()),
    path("identity", merges.Identity.as_view()),
    path("identity/merge", merges.MergePage.as_view()),
    path("identity/merges/<uuid:merge_id>/undo", merges.UndoMerge.as_view()),
    path("identity/candidates/<uuid:candidate_id>/dismiss", merges.DismissCandidate.as_view()),
    path("accounts/<uuid:account_id>/timeline", parts.AccountTimeline.as_view()),
    path("accounts/<uuid:account_id>/graph", parts.AccountGraph.as_view()),
    path("accounts/<path:ref>", views.AccountDetail.as_view()),
]
