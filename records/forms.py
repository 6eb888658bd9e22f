"""What a patient may ask of the lists: which kind, when, from where, by whom."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
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

    def _offer(self, name: str, choices: Choices, error: Any) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices
            field.error_messages["invalid_choice"] = error

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

    who = forms.ChoiceField(label=_("Who"), required=False)

    def __init__(self, data: Any, *, people: Sequence[tuple[uuid.UUID, str]]) -> None:
        super().__init__(data)
        field = self.fields["who"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [
                ("", _("Everybody")),
                (self.OTHERS, _("Everybody but me")),
                *((f"role:{role.value}", role.label) for role in Role if role.is_staff),
                *((f"person:{person}", name) for person, name in people),
            ]
            field.error_messages["invalid_choice"] = _("Choose somebody from the list.")

    @property
    def is_filtering(self) -> bool:
        """Whether the list is narrower than all openings."""
        return any(self.cleaned_data.values()) if self.is_valid() else True
