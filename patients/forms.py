"""What an invited patient fills in."""

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.fields import DateField


class InvitationForm(forms.Form):
    """The code from the letter, and the birth date that shows whom it was meant for."""

    code = forms.CharField(
        label=_("What is the code in your letter?"),
        help_text=_("Twelve letters and digits, such as 7K3M-P2XW-9RTA"),
        max_length=40,
        error_messages={"required": _("Enter the code from your letter")},
    )
    birth_date = DateField(
        label=_("What is your date of birth?"),
        help_text=_("For example, 31 3 1980"),
        error_messages={"required": _("Enter your date of birth")},
    )

    def clean_birth_date(self) -> object:
        born = self.cleaned_data["birth_date"]
        if born > timezone.localdate():
            raise forms.ValidationError(_("Your date of birth must be in the past"))
        return born
