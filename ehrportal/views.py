"""Pages that belong to no app: the language, checking a proof, the gallery."""

from datetime import UTC, date, datetime
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import check_for_language
from django.views import i18n
from django.views.decorators.http import require_POST

from accounts.fields import DateField
from chain.deployment import NotDeployed, contracts

# The visitor's browser asks a chain node of the visitor's choice, which may stand on the same machine.
VERIFY_POLICY = (
    "default-src 'self'; img-src 'self' data:; "
    "connect-src 'self' https: http://127.0.0.1:* http://localhost:* {rpc}; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@login_not_required
@require_POST
def set_language(request: HttpRequest) -> HttpResponseBase:
    """Switch the language of this browser, and remember it on the account of whoever is signed in."""
    language = request.POST.get("language", "")
    known = {code for code, _name in settings.LANGUAGES}
    if request.user.is_authenticated and language in known and check_for_language(language):
        request.user.language = language
        request.user.save(update_fields=["language"])
    return i18n.set_language(request)


@login_not_required
def verify(request: HttpRequest) -> HttpResponse:
    """Show the page on which anybody checks a proof or a signed consent, in their own browser."""
    try:
        where = contracts()
        contract, consent_registry = where.record_log, where.consent_registry
    except NotDeployed:
        # The file names its contract, and the page says that it is only believed.
        contract = consent_registry = ""
    rpc = settings.CHAIN_PUBLIC_RPC_URL
    response = render(
        request,
        "verify.html",
        {"rpc_url": rpc, "contract": contract, "consent_registry": consent_registry},
    )
    address = urlsplit(rpc)
    response.headers["Content-Security-Policy"] = VERIFY_POLICY.format(
        rpc=f"{address.scheme}://{address.netloc}"
    )
    return response


class GalleryForm(forms.Form):
    """A field of each kind."""

    name = forms.CharField(label="Your name", help_text="As it stands in your passport.")
    birth_date = DateField(label="What is your date of birth?", help_text="For example, 31 3 1980")
    kind = forms.ChoiceField(label="Kind", choices=[("result", "Results"), ("letter", "Letters")])
    note = forms.CharField(label="Note", widget=forms.Textarea(attrs={"rows": 3}))
    agree = forms.BooleanField(label="I agree")


class GalleryQuestion(forms.Form):
    """One question with its answers."""

    answer = forms.ChoiceField(
        label="For how long?",
        help_text="You can stop it at any time before.",
        choices=[("once", "Once, for one visit"), ("30", "For 30 days")],
        widget=forms.RadioSelect,
    )


@login_not_required
def gallery(request: HttpRequest) -> HttpResponse:
    """Show every component in each of its states; on a local machine only."""
    form = GalleryForm(request.GET if "birth_date_day" in request.GET else None)
    context = {
        "form": form,
        "question": GalleryQuestion(),
        "helped": {
            "patient": {"full_name": "Fatou Diallo"},
            "until": datetime(2026, 8, 1, 23, 59, 59, tzinfo=UTC),
        },
        "moment": datetime(2026, 5, 12, 14, 5, tzinfo=UTC),
        "day": date(2026, 5, 12),
    }
    return render(request, "gallery.html", context)
