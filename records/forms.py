"""What a patient may ask of the lists: which kind, when, from where, by whom."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from audit.models import Event, Ground
from records.access_log import ACTS, DOWNLOAD, DOWNLOADED, PURPOSES
from records.models import Kind

Choices = Sequence[tuple[str, Any]]

# The directory belongs to nobody's record.
KINDS = [(kind.value, kind.label) for kind in Kind if kind != Kind.DIRECTORY]


class DatePartsWidget(forms.MultiWidget):
    """Three boxes: day, month, year. People type a remembered date faster than they click it."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__({part: forms.TextInput() for part in ("day", "month", "year")})

    def decompress(self, value: date | None) -> list[int | None]:
        return [value.day, value.month, value.year] if value else [None, None, None]

    def parts(self, value: Any) -> list[Any]:
        """Return what stands in the three boxes, whatever was typed there."""
        return value if isinstance(value, list) else self.decompress(value)

    def first_error_id(self, field: forms.BoundField) -> str:
        """Name the box that a line of the error summary leads to."""
        return f"{field.auto_id}-day"


class DatePartsField(forms.MultiValueField):
    """A day typed in three boxes; each thing that can be wrong with it has its own words."""

    widget = DatePartsWidget

    def __init__(self, **options: Any) -> None:
        parts = [forms.CharField(required=False, max_length=10) for _part in range(3)]
        super().__init__(fields=parts, required=False, require_all_fields=False, **options)

    def compress(self, data_list: list[str]) -> date | None:
        """
        Return the day.

        :raises ValidationError: naming what is missing, or that there is no such day
        """
        names = [_("a day"), _("a month"), _("a year")]
        given = [part.strip() for part in data_list] if data_list else []
        if not any(given):
            return None
        missing = [str(name) for name, part in zip(names, given, strict=True) if not part]
        if missing:
            raise forms.ValidationError(
                _("The date must include %(missing)s."), params={"missing": str(_(" and ")).join(missing)}
            )
        try:
            day, month, year = (int(part) for part in given)
            return date(year, month, day)
        except (ValueError, OverflowError):
            raise forms.ValidationError(_("Enter a real date, such as 27 3 2026.")) from None


class PeriodForm(forms.Form):
    """A first and a last day, either of which may be left open."""

    earliest = DatePartsField(label=_("From"))
    latest = DatePartsField(label=_("To"))

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or self.cleaned_data
        earliest, latest = asked.get("earliest"), asked.get("latest")
        if earliest and latest and latest < earliest:
            self.add_error("latest", _("The last day must be the same as or after the first day."))
        return asked

    def _offer(self, name: str, choices: Choices, error: Any) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices
            field.error_messages["invalid_choice"] = error


class TimelineForm(PeriodForm):
    """Which records “My record” lists."""

    kind = forms.ChoiceField(label=_("Kind of record"), required=False)
    year = forms.ChoiceField(label=_("Year"), required=False)
    source = forms.ChoiceField(label=_("Recorded by"), required=False)

    def __init__(self, data: Any, *, years: Sequence[int], sources: Sequence[str]) -> None:
        super().__init__(data)
        self._offer("kind", [("", _("All kinds")), *KINDS], _("Choose one of the kinds in the list."))
        self._offer(
            "year",
            [("", _("All years")), *((str(year), str(year)) for year in years)],
            _("There is no record from that year. Choose one from the list."),
        )
        self._offer(
            "source",
            [("", _("All places")), *((source, source) for source in sources)],
            _("There is no record from that place. Choose one from the list."),
        )

    @property
    def is_filtering(self) -> bool:
        """Whether the list is narrower than the whole record."""
        return any(self.cleaned_data.values()) if self.is_valid() else True

    @property
    def is_narrowed_by_hand(self) -> bool:
        """Whether more is asked than a kind, which the contents list offers and shows by itself."""
        return any(value for name, value in self.cleaned_data.items() if name != "kind")


class OpeningsForm(PeriodForm):
    """Which openings “Who looked” lists."""

    OTHERS = "others"
    ASKED = "asked"

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=200,
        help_text=_("A name, a role, a reason, a day or an address, such as 192.0.2.7"),
    )
    who = forms.ChoiceField(label=_("Who"), required=False)
    what = forms.ChoiceField(label=_("What they did"), required=False)
    ground = forms.ChoiceField(label=_("Why they could"), required=False)
    purpose = forms.ChoiceField(label=_("What for"), required=False)
    emergencies = forms.BooleanField(label=_("Only emergencies"), required=False)

    def __init__(self, data: Any, *, people: Sequence[tuple[uuid.UUID, str]]) -> None:
        super().__init__(data)
        self._offer(
            "who",
            [
                ("", _("Everybody")),
                (self.OTHERS, _("Everybody but me")),
                *((f"role:{role.value}", role.label) for role in Role if role.is_staff),
                *((f"person:{person}", name) for person, name in people),
            ],
            _("Choose somebody from the list."),
        )
        wrong = _("Choose one from the list.")
        self._offer(
            "what",
            [
                ("", _("Anything")),
                *((name, capfirst(ACTS[name])) for name in Event.OPENINGS),
                (DOWNLOAD, capfirst(DOWNLOADED)),
                (self.ASKED, _("What the privacy officer looks into")),
            ],
            wrong,
        )
        self._offer("ground", [("", _("Any reason")), *Ground.choices], wrong)
        self._offer(
            "purpose",
            [("", _("Anything")), *((code, words) for code, words in PURPOSES.items() if code != DOWNLOAD)],
            wrong,
        )

    @property
    def is_filtering(self) -> bool:
        """Whether the list is narrower than all openings."""
        return any(self.cleaned_data.values()) if self.is_valid() else True

    @property
    def is_narrowed_by_hand(self) -> bool:
        """Whether more is asked than words, which stand outside the folded part of the form."""
        return any(value for name, value in self.cleaned_data.items() if name != "q")


class QuestionForm(forms.Form):
    """What a patient wants to know about an opening that they do not recognise."""

    words = forms.CharField(
        label=_("What do you want to know?"),
        help_text=_("For example: I was not at the hospital that day, and I do not know this doctor."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={
            "required": _("Write what you want to know, so that the privacy officer can look into it."),
            "max_length": _("Write at most 2,000 characters."),
        },
    )
