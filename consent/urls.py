"""The addresses of sharing, under /sharing/; single records are chosen under /record/."""

from django.urls import path

from consent import views

app_name = "sharing"
urlpatterns = [
    path("", views.Index.as_view(), name="index"),
    path("start/", views.Start.as_view(), name="start"),
    path("leave/", views.Leave.as_view(), name="leave"),
    path("with/", views.Who.as_view(), name="who"),
    path("with/doctor/", views.WhichDoctor.as_view(), name="doctor"),
    path("with/department/", views.WhichDepartment.as_view(), name="department"),
    path("with/hospital/", views.WhichHospital.as_view(), name="hospital"),
    path("with/helper/", views.WhichHelper.as_view(), name="helper"),
    path("with/helper/name/", views.IsThisYourHelper.as_view(), name="helper-name"),
    path("what/", views.What.as_view(), name="what"),
    path("what/kinds/", views.Kinds.as_view(), name="kinds"),
    path("sensitive/", views.Sensitive.as_view(), name="sensitive"),
    path("why/", views.Why.as_view(), name="purpose"),
    path("how-long/", views.HowLong.as_view(), name="length"),
    path("how-long/last-day/", views.LastDay.as_view(), name="last-day"),
    path("check/", views.Check.as_view(), name="check"),
    path("requests/<uuid:pk>/", views.RequestDetail.as_view(), name="request"),
    path("requests/<uuid:pk>/accept/", views.AcceptRequest.as_view(), name="accept"),
    path("requests/<uuid:pk>/decline/", views.DeclineRequest.as_view(), name="decline"),
    path("keys/", views.Keys.as_view(), name="keys"),
    path("keys/new/", views.NewKey.as_view(), name="new-key"),
    path("keys/recover/", views.Recover.as_view(), name="recover"),
    path("keys/stop-recovery/", views.StopRecovery.as_view(), name="stop-recovery"),
    path("keys/<int:pk>/remove/", views.RemoveKey.as_view(), name="remove-key"),
    path("people/", views.People.as_view(), name="people"),
    path("people/code/", views.NewCode.as_view(), name="new-code"),
    path("people/back/", views.Return.as_view(), name="return"),
    path("people/<uuid:pk>/", views.Look.as_view(), name="look"),
    path("<uuid:pk>/", views.GrantDetail.as_view(), name="grant"),
    path("<uuid:pk>/stop/", views.StopGrant.as_view(), name="stop"),
    path("<uuid:pk>/sign-stop/", views.SignStop.as_view(), name="sign-stop"),
    path("<uuid:pk>/renew/", views.RenewGrant.as_view(), name="renew"),
    path("<uuid:pk>/evidence/", views.Evidence.as_view(), name="evidence"),
]
