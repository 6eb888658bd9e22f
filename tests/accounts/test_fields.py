"""A date in three boxes."""

from datetime import date

import pytest
from django import forms

from accounts.fields import DateField


class Form(forms.Form):
    born = DateField()


def typed(day, month, year):
    return Form({"born_day": day, "born_month": month, "born_year": year})


class TestDateField:
    @pytest.mark.parametrize("parts", [("31", "3", "1980"), (" 31 ", "03", "1980"), ("٣١", "٣", "١٩٨٠")])
    def test_reads_what_people_type(self, parts):
        form = typed(*parts)

        assert form.is_valid()
        assert form.cleaned_data["born"] == date(1980, 3, 31)

    @pytest.mark.parametrize(
        ("parts", "words"),
        [
            (("", "", ""), "This field is required."),
            (("31", "", "1980"), "Enter a day, a month and a year"),
            (("31", "3", "80"), "Enter all four digits of the year"),
            (("31", "2", "1980"), "Enter a real date, such as 31 3 1980"),
            (("x", "3", "1980"), "Enter a real date, such as 31 3 1980"),
            (("1", "3", "0000"), "Enter a real date, such as 31 3 1980"),
        ],
    )
    def test_says_what_is_wrong(self, parts, words):
        assert typed(*parts).errors["born"] == [words]

    def test_keeps_what_was_typed(self):
        form = typed("31", "2", "1980")

        assert form["born"].field.widget.parts(form["born"].value()) == ("31", "2", "1980")

    def test_shows_a_date_it_was_given(self):
        assert DateField().widget.parts(date(1980, 3, 31)) == ("31", "3", "1980")
