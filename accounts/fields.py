"""Fields of forms that the apps above share."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

Parts = tuple[str, str, str]


class DateInput(forms.Widget):
    """Three boxes for day, month and year; `components/date_field.html` draws them."""

    def parts(self, value: Any) -> Parts:
        """Return what stands in the three boxes."""
        if isinstance(value, date):
            return str(value.day), str(value.month), str(value.year)
        return value or ("", "", "")

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Parts | None:
        day, month, year = (str(data.get(f"{name}_{part}", "")).strip() for part in ("day", "month", "year"))
        return (day, month, year) if day or month or year else None

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return f"{name}_day" not in data

    def id_for_label(self, id_: str, index: str | int | None = None) -> str:
        return f"{id_}-day"


class DateField(forms.Field):
    """A date people know by heart, such as their birth date, typed in three boxes."""

    widget = DateInput
    default_error_messages = {
        "invalid": _("Enter a real date, such as 31 3 1980"),
        "incomplete": _("Enter a day, a month and a year"),
        "year": _("Enter all four digits of the year"),
    }

    def to_python(self, value: Any) -> date | None:
        if value in self.empty_values or isinstance(value, date):
            return value or None
        if not all(value):
            raise forms.ValidationError(self.error_messages["incomplete"], code="incomplete")
        day, month, year = value
        if len(year) != 4:
            raise forms.ValidationError(self.error_messages["year"], code="year")
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None
