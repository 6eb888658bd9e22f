"""The addresses of sign-in and of a person's own account, under /account/."""

from django.urls import include, path

from accounts import views

own = [
    path("", views.account, name="index"),
]

urlpatterns = [
    path("", include((own, "accounts"))),
    path("", include("allauth.urls")),
]
