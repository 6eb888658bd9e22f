"""The log's public addresses, laid out as C2SP tlog-tiles asks (https://c2sp.org/tlog-tiles)."""

from django.urls import path, re_path

from chain import views

app_name = "chain"

urlpatterns = [
    path("checkpoint", views.checkpoint, name="checkpoint"),
    path("key", views.key, name="key"),
    re_path(r"^(?P<path>tile/[0-9a-z/.]{1,100})$", views.tile, name="tile"),
]
