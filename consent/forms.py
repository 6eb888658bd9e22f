"""The questions on the way to a grant, and what else a patient fills in about sharing."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.fields import DateField
from consent.answers import LONGEST, ONCE, UNTIL, Answers
from consent.categories import OF_PATIENTS, SUMMARY, Sensitivity
from consent.models import Covers, GranteeKind, Purpose
from consent.wording import kinds_in_words

Choices = Sequence[tuple[str, Any]]


class ChoiceForm(forms.Form):
    """One question with one answer out of a list; what each answer means stands in `hints`."""

    answer = forms.ChoiceField(widget=forms.RadioSelect)

    question: Any = ""
    explanation: Any = ""
    unanswered: Any = _("Choose one of the answers")

    def __init__(self, *args: Any, choices: Choices | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["answer"]
        field.label, field.help_text = self.question, self.explanation
        field.error_messages |= {"required": self.unanswered, "invalid_choice": self.unanswered}
        if isinstance(field, forms.ChoiceField):
            field.choices = self.choices() if choices is None else choices

    def choices(self) -> Choices:
        return ()

    @property
    def hints(self) -> dict[str, Any]:
        return {}


class WhoForm(ChoiceForm):
    """To what kind of person or place."""

    question = _("Who do you want to share with?")
    explanation = _("The doctors who treat you at this hospital see your record without this.")
    unanswered = _("Choose who you want to share with")

    def choices(self) -> Choices:
        return [
            (GranteeKind.PERSON.value, _("A doctor of this hospital")),
            (GranteeKind.DEPARTMENT.value, _("A department")),
            (GranteeKind.INSTITUTION.value, _("A whole hospital")),
            (GranteeKind.PROXY.value, _("Somebody who helps me")),
        ]

    @property
    def hints(self) -> dict[str, Any]:
        return {
            GranteeKind.PERSON.value: _("Nobody but this doctor."),
            GranteeKind.DEPARTMENT.value: _("All its doctors, such as those of cardiology."),
            GranteeKind.INSTITUTION.value: _("All its doctors, also those who come there later."),
            GranteeKind.PROXY.value: _(
                "A relative or carer who has an account here. They can read and do nothing else."
            ),
        }


class SearchForm(forms.Form):
    """A name, or a part of it."""

    q = forms.CharField(label=_("Name, specialty or department"), max_length=80, required=False)


class DoctorForm(ChoiceForm):
    question = _("Which doctor?")
    unanswered = _("Choose a doctor from the list")


class DepartmentForm(ChoiceForm):
    question = _("Which department?")
    unanswered = _("Choose a department from the list")


class HospitalForm(ChoiceForm):
    question = _("Which hospital?")
    unanswered = _("Choose a hospital from the list")


class CodeForm(forms.Form):
    """The code that somebody who helps shows on their own page."""

    code = forms.CharField(
        label=_("What is their code?"),
        help_text=_(
            "Ask the person who helps you to sign in here, to go to “Sharing”, then “People who help each "
            "other”, and to show you their code: twelve letters and digits, such as 7K3M-P2XW-9RTA."
        ),
        max_length=40,
        error_messages={"required": _("Enter the code of the person who helps you")},
    )


class WhatForm(ChoiceForm):
    """How much of the record."""

    question = _("What do you want to share?")
    unanswered = _("Choose what you want to share")

    def choices(self) -> Choices:
        return [(one.value, one.label) for one in (Covers.SUMMARY, *_OTHER_COVERS)]

    @property
    def hints(self) -> dict[str, Any]:
        return {
            Covers.SUMMARY.value: kinds_in_words([kind.value for kind in SUMMARY]),
            Covers.CATEGORIES.value: _("You choose which kinds on the next page."),
            Covers.DOCUMENTS.value: _("You choose them from your record on the next page."),
            Covers.EVERYTHING.value: _("All kinds of records, also those that are added later."),
        }


_OTHER_COVERS = (Covers.CATEGORIES, Covers.DOCUMENTS, Covers.EVERYTHING)


class SeveralForm(forms.Form):
    """One question with any number of answers."""

    answer = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)

    hints: dict[str, Any] = {}


class KindsForm(SeveralForm):
    """Which kinds of records."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["answer"]
        field.label = _("Which kinds of records?")
        field.help_text = _("Records of these kinds that are added later are shared, too.")
        field.error_messages |= dict.fromkeys(
            ("required", "invalid_choice"), _("Choose at least one kind of records")
        )
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = [(kind.value, kind.label) for kind in OF_PATIENTS]


class SensitiveForm(SeveralForm):
    """Which sensitive topics may be seen, too; none unless it is ticked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["answer"]
        field.required = False
        field.label = _("Do you want to share sensitive topics, too?")
        field.error_messages |= {"invalid_choice": _("Tick only topics from the list")}
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = [(one.value, one.label) for one in Sensitivity]


class PurposeForm(ChoiceForm):
    """For what it may be read."""

    question = _("Why do you share it?")
    explanation = _("It may be read for this and for nothing else.")
    unanswered = _("Choose why you share it")

    def choices(self) -> Choices:
        return [(one.value, one.label) for one in Purpose if one is not Purpose.HELP]


class LengthForm(ChoiceForm):
    """For how long: some usual lengths, a day, or a single occasion."""

    question = _("For how long?")
    explanation = _("You can stop it at any time before.")
    unanswered = _("Choose for how long you want to share")

    def __init__(self, *args: Any, answers: Answers, **kwargs: Any) -> None:
        self.answers = answers
        super().__init__(*args, **kwargs)

    def choices(self) -> Choices:
        # Whoever helps looks again and again.
        is_helper = self.answers.grantee_kind == GranteeKind.PROXY
        return [
            *([] if is_helper else [(ONCE, _("Once, for one visit"))]),
            ("30", _("For 30 days")),
            ("91", _("For three months")),
            ("365", _("For one year")),
            (UNTIL, _("Until a day that I choose")),
        ]

    @property
    def hints(self) -> dict[str, Any]:
        return {ONCE: _("It ends an hour after it was first used, and in 30 days if nobody uses it.")}


class LastDayForm(forms.Form):
    """The last day, within two years."""

    until = DateField(
        label=_("Last day"),
        error_messages={
            "required": _("Enter the last day"),
            "invalid": _("Enter a real date, such as 27 3 2027"),
        },
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    @property
    def example(self) -> date:
        """A day that would be right, for the hint."""
        return self.today + timedelta(days=60)

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        if until < self.today:
            raise forms.ValidationError(_("The last day must be today or later"))
        if until > self.today + LONGEST:
            raise forms.ValidationError(_("The last day must be within two years"))
        return until


class DeclineForm(forms.Form):
    """What a patient writes to the doctor whom they give nothing."""

    words = forms.CharField(
        label=_("Do you want to tell them why?"),
        help_text=_("You need not write anything. The doctor reads what you write."),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"max_length": _("Write 500 characters or fewer")},
    )
