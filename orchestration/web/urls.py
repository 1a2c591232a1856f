"""Routes of the approval queue."""

from django.urls import path

from orchestration.web import account, decisions, queue

urlpatterns = [
    path("approvals", queue.Queue.as_view()),
    path("api/approval/ui", queue.Queue.as_view()),
    path("approvals/rail", queue.Rail.as_view()),
    path("approvals/account/<uuid:account_id>", account.AccountActions.as_view()),
    path("approvals/<uuid:action_id>", queue.Queue.as_view()),
    path("approvals/<uuid:action_id>/edit", decisions.Edit.as_view()),
    path("approvals/<uuid:action_id>/approve", decisions.Approve.as_view()),
    path("approvals/<uuid:action_id>/reject", decisions.Reject.as_view()),
    path("approvals/<uuid:action_id>/undo", decisions.Undo.as_view()),
    path("approvals/<uuid:action_id>/claim", decisions.Claim.as_view()),
]
