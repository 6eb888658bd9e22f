"""Every address of the portal. A new one joins the authorization matrix in tests/."""

from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("account/", include("allauth.urls")),
    path("", lambda request: HttpResponse("soon"), name="home"),
]
