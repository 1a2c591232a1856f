"""Routes of the pages that belong to no single app."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from revctx.web import views

urlpatterns = [
    path("", views.Home.as_view()),
    path("home/health", views.HomeHealth.as_view()),
    path("login", views.Login.as_view()),
    path("logout", LogoutView.as_view()),
]
