"""Every address of the consent host. None of the portal's exist there, and none of these on the portal."""

from django.urls import include, path

from ehrportal import theme

urlpatterns = [
    path("theme.css", theme.stylesheet, name="theme"),
    path("", include("consent.host.urls")),
]

handler400 = "consent.host.errors.bad_request"
handler403 = "consent.host.errors.permission_denied"
handler404 = "consent.host.errors.page_not_found"
handler500 = "consent.host.errors.server_error"
