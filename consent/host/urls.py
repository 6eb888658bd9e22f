"""The addresses of the consent host: in with a ticket, the act, and what came of it."""

from django.urls import path

from consent.host import views

app_name = "consent_host"

urlpatterns = [
    path("enter/<str:token>/", views.Enter.as_view(), name="enter"),
    path("", views.DoAct.as_view(), name="act"),
    path("done/", views.Done.as_view(), name="done"),
]
