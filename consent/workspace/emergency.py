"""“Break the glass”: what it does, the reason, the second factor once more, and then the chart."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.addresses import address_of
from accounts.forms import StaffForm
from accounts.models import Role
from accounts.second_factor import JUST_NOW, has_just_shown_second_factor
from accounts.sites import staff_of, workspace
from audit.models import Ground
from consent.models import BreakGlass
from consent.rules import Action, decide
from consent.services.emergencies import (
    GlassIsBroken,
    GlassNotNeeded,
    ReasonTooShort,
    break_glass,
)
from consent.workspace.page import NamedPatientPage
from consent.workspace.words import emergency_in_words, time_of_day


class EmergencyForm(StaffForm):
    """Why it cannot wait."""

    reason = forms.CharField(
        label=_("What has happened?"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "The patient and the privacy officer read it. For example: unconscious after a fall,"
            " takes blood thinners?"
        ),
        error_messages={"required": _("Say what has happened. Nothing was opened yet.")},
    )


@workspace.page("patients/<uuid:pk>/emergency/", name="break_glass", roles=[Role.DOCTOR])
class BreakTheGlass(NamedPatientPage):
    """
    Open a record in an emergency.

    The second factor is shown just before: a screen that was left open must not be enough. It is looked at
    again when the form comes back, and what was written stays on the page meanwhile.
    """

    title = _("Break the glass")
    template_name = "consent/break_glass.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self._has_ground and not has_just_shown_second_factor(request, at=self.now):
            return redirect(self._confirm_address)
        return self.render_to_response(self.get_context_data())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = EmergencyForm(request.POST)
        if not form.is_valid():
            return self._again(form)
        if not has_just_shown_second_factor(request, at=self.now):
            return self._again(form, must_confirm=True)
        try:
            broken = break_glass(
                patient=self.patient,
                reason=form.cleaned_data["reason"],
                by=staff_of(request),
                at=self.now,
                address=address_of(request),
            )
        except ReasonTooShort:
            form.add_error("reason", _("Say what has happened in a few words, so that it can be reviewed."))
            return self._again(form)
        except GlassNotNeeded:
            messages.info(request, _("You treat this patient, so you need no emergency to read the record."))
        except GlassIsBroken as open_already:
            messages.info(
                request,
                _("You opened this record at %(time)s already. Nothing was opened anew.")
                % {"time": time_of_day(open_already.break_glass.at)},
            )
        else:
            messages.warning(
                request,
                _("The record is open to you until %(time)s. The patient and the privacy officer were told.")
                % {"time": time_of_day(broken.expires_at)},
            )
        return redirect("workspace:chart", pk=self.patient.pk)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        decision = self._decision
        return super().get_context_data(
            **{
                "form": EmergencyForm(),
                "minutes": int(BreakGlass.LASTS.total_seconds() // 60),
                "confirmed_minutes": int(JUST_NOW.total_seconds() // 60),
                "confirm_address": self._confirm_address,
                "treats": decision.ground is Ground.TREATMENT,
                "emergency": emergency_in_words(decision.break_glass) if decision.break_glass else None,
                **kwargs,
            }
        )

    @property
    def _decision(self) -> Any:
        return decide(actor=self.request.user, action=Action.READ, patient=self.patient, at=self.now)

    @property
    def _has_ground(self) -> bool:
        """Whether the whole record stands open already, so that there is nothing to confirm."""
        return self._decision.allowed and not self._decision.is_partial

    @property
    def _confirm_address(self) -> str:
        back = reverse("workspace:break_glass", args=[self.patient.pk])
        return reverse("account_reauthenticate") + "?" + urlencode({"next": back})

    def _again(self, form: EmergencyForm, **context: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form, **context), status=422)
