"""The addresses of an invitation, under /invitation/."""

from django.urls import path

from patients import views

urlpatterns = [
    path("", views.RedeemInvitation.as_view(), name="invitation"),
    path("passkey/", views.RegisterPasskey.as_view(), name="invitation_passkey"),
]
