"""The addresses of the patient's pages, under /record/; the home page stands at the portal's root."""

from django.urls import path

from records import views

app_name = "records"
urlpatterns = [
    path("", views.Timeline.as_view(), name="timeline"),
    path("who-looked/", views.Openings.as_view(), name="openings"),
    path("who-looked/lists/", views.Listings.as_view(), name="listings"),
    path("who-looked/fhir.json", views.DownloadLog.as_view(), name="download-log"),
    path("who-looked/tell-me/", views.TellMe.as_view(), name="tell-me"),
    path("who-looked/<uuid:pk>/", views.OpeningDetail.as_view(), name="opening"),
    path("who-looked/<uuid:pk>/question/", views.AskAboutOpening.as_view(), name="question"),
    path("notices/", views.Notices.as_view(), name="notices"),
    path("<uuid:pk>/share/", views.ShareThis.as_view(), name="share-this"),
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
