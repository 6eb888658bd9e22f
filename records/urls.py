"""The addresses of the patient's pages, under /record/; the home page stands at the portal's root."""

from django.urls import path

from records import views

app_name = "records"
urlpatterns = [
    path("", views.Timeline.as_view(), name="timeline"),
    path("who-looked/", views.Openings.as_view(), name="openings"),
    path("who-looked/<uuid:pk>/", views.OpeningDetail.as_view(), name="opening"),
    path("<uuid:pk>/", views.RecordDetail.as_view(), name="record"),
    path("<uuid:pk>/versions/<int:number>/", views.VersionDetail.as_view(), name="version"),
    path("<uuid:pk>/versions/<int:number>/proof/", views.Proof.as_view(), name="proof"),
    path("<uuid:pk>/versions/<int:number>/proof.json", views.DownloadProof.as_view(), name="download-proof"),
    path("<uuid:pk>/versions/<int:number>/fhir.json", views.DownloadRecord.as_view(), name="download"),
    path(
        "<uuid:pk>/versions/<int:number>/files/<int:index>/",
        views.DownloadAttachment.as_view(),
        name="attachment",
    ),
]
