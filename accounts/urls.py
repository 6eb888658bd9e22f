"""The addresses of sign-in and of a person's own account, under /account/."""

from allauth.account import views as sign_in
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import include, path
from django.views.generic import RedirectView

from accounts import views
from accounts.views import closed, for_staff

own = [
    path("", views.Account.as_view(), name="index"),
    path("sessions/end-all/", views.sign_out_everywhere, name="sign_out_everywhere"),
]

to_account = RedirectView.as_view(pattern_name="accounts:index")

urlpatterns = [
    path("", include((own, "accounts"))),
    path("login/", sign_in.login, name="account_login"),
    path("logout/", sign_in.logout, name="account_logout"),
    path("inactive/", sign_in.account_inactive, name="account_inactive"),
    path("reauthenticate/", sign_in.reauthenticate, name="account_reauthenticate"),
    path("password/", for_staff(sign_in.password_change), name="account_change_password"),
    path("sessions/", views.Devices.as_view(), name="usersessions_list"),
    path("passkeys/add/", views.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("passkeys/<int:pk>/rename/", views.RenamePasskey.as_view(), name="mfa_edit_webauthn"),
    path("passkeys/<int:pk>/remove/", views.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("passkeys/login/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("passkeys/reauthenticate/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("second-factor/", to_account, name="mfa_index"),
    path("passkeys/", to_account, name="mfa_list_webauthn"),
    path("second-factor/confirm/", mfa.authenticate, name="mfa_authenticate"),
    path("second-factor/reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("app/add/", for_staff(totp.activate_totp), name="mfa_activate_totp"),
    path("app/remove/", for_staff(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("recovery-codes/", for_staff(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path(
        "recovery-codes/new/",
        for_staff(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "recovery-codes/download/",
        for_staff(recovery_codes.download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
    # allauth links to these by name. There is no sign-up, no e-mail address and no forgotten password
    # here: a patient is invited anew, staff ask their hospital.
    path("signup/", closed, name="account_signup"),
    path("email/", closed, name="account_email"),
    path("confirm-email/", closed, name="account_email_verification_sent"),
    path("confirm-email/<str:key>/", closed, name="account_confirm_email"),
    path("password/set/", closed, name="account_set_password"),
    path("password/reset/", closed, name="account_reset_password"),
]
