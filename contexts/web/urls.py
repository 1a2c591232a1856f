"""Routes of the account pages; an account is named by its id or any alias."""

from django.urls import path

from contexts.web import views

urlpatterns = [
    path("accounts", views.AccountList.as_view()),
    path("accounts/<path:ref>", views.AccountDetail.as_view()),
]
