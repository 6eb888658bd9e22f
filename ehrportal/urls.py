"""Every address of the portal. A new one joins the authorization matrix in tests/."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from accounts.sites import workspace
from ehrportal import errors, health, theme, views
from records.views import Home, ShareRecords

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("theme.css", theme.stylesheet, name="theme"),
    path("language/", views.set_language, name="set_language"),
    path("verify", views.verify, name="verify"),
    path("account/", include("accounts.urls")),
    path("invitation/", include("patients.urls")),
    path("record/", include("records.urls")),
    # Before the other questions: consents know no records, so this page of theirs is the record's.
    path("sharing/what/records/", ShareRecords.as_view(), name="share-records"),
    path("sharing/", include("consent.urls")),
    path("workspace/", workspace.urls),
    path("log/", include("chain.urls")),
    path("", Home.as_view(), name="home"),
]

if settings.IS_LOCAL:
    urlpatterns += [path("gallery/", views.gallery, name="gallery")]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.page_not_found
handler429 = "ehrportal.errors.too_many_requests"
handler500 = errors.server_error
