"""Results as a grid: rows, days, courses."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import uuid4

from records.fhir.present import Measurement, When
from records.workspace.grid import DAYS_SHOWN, grid_of


@dataclass
class Row:
    pk: object
    occurred_date: date | None = None


@dataclass
class Seen:
    measurements: tuple
    is_entered_in_error: bool = False


@dataclass
class One:
    presented: Seen | None
    record: Row
    is_trusted: bool = True


def measured(value, day, name="Potassium", unit="mmol/L", **more):
    text = f"{value} {unit}".strip()
    plain = Decimal(value) if str(value).replace(".", "").lstrip("-").isdigit() else None
    when = When(day, "day", date.fromisoformat(day), date.fromisoformat(day))
    measurement = Measurement(
        name=name, text=text, value=plain, unit=unit, tokens=(name,), occurred=when, **more
    )
    return One(Seen((measurement,)), Row(uuid4()))


class TestGrid:
    def test_has_the_newest_day_first(self):
        grid = grid_of([measured("4.1", "2026-01-01"), measured("4.5", "2026-02-01")])

        assert grid.days == [date(2026, 2, 1), date(2026, 1, 1)]
        assert [[cell.text for cell in cells] for cells in grid.rows[0].cells] == [
            ["4.5 mmol/L"],
            ["4.1 mmol/L"],
        ]

    def test_says_a_value_once_that_a_report_repeats(self):
        grid = grid_of([measured("4.1", "2026-01-01"), measured("4.1", "2026-01-01")])

        assert [len(cells) for cells in grid.rows[0].cells] == [1]

    def test_shows_two_values_of_one_day(self):
        grid = grid_of([measured("4.1", "2026-01-01"), measured("5.9", "2026-01-01")])

        assert [cell.text for cell in grid.rows[0].cells[0]] == ["4.1 mmol/L", "5.9 mmol/L"]

    def test_leaves_out_what_was_tampered_with_or_entered_in_error(self):
        damaged, mistaken = measured("9", "2026-01-01"), measured("8", "2026-01-01")
        damaged.is_trusted = False
        mistaken.presented.is_entered_in_error = True

        assert grid_of([damaged, mistaken, One(None, Row(uuid4()))]).rows == []

    def test_keeps_answers_in_words_apart_and_gives_them_no_column(self):
        grid = grid_of([measured("4.1", "2026-01-01"), measured("yes", "2026-03-01", name="Smoker", unit="")])

        assert grid.days == [date(2026, 1, 1)]
        assert [row.name for row in grid.in_words] == ["Smoker"]
        assert grid.in_words[0].newest.text == "yes"

    def test_says_how_many_days_have_no_column(self):
        grid = grid_of([measured("4", f"2026-01-{day:02}") for day in range(1, DAYS_SHOWN + 4)])

        assert len(grid.days) == DAYS_SHOWN
        assert grid.hidden_days == 3


class TestSparkline:
    def course(self, *values, **more):
        return (
            grid_of(
                [measured(value, f"2026-01-{day:02}", **more) for day, value in enumerate(values, start=1)]
            )
            .rows[0]
            .sparkline
        )

    def test_needs_two_days(self):
        assert self.course("4") is None

    def test_rises_when_values_rise(self):
        points = [point.split(",") for point in self.course("4", "5").points.split()]

        assert float(points[0][0]) < float(points[1][0])
        assert float(points[0][1]) > float(points[1][1])

    def test_lies_flat_in_the_middle_when_nothing_changes(self):
        assert {point.split(",")[1] for point in self.course("4", "4", "4").points.split()} == {"12.0"}

    def test_draws_the_reference_range_behind(self):
        course = self.course("4", "6", low=Decimal("3.5"), high=Decimal("5.1"))

        assert 0 <= course.band_y < course.band_y + course.band_height <= course.height

    def test_ends_the_range_where_the_drawing_ends_on_an_open_side(self):
        course = self.course("4", "6", high=Decimal("5.1"))

        assert course.band_y + course.band_height == course.height

    def test_leaves_out_values_in_another_unit(self):
        one, two = measured("4", "2026-01-01", unit="mg/dL"), measured("5", "2026-01-02")

        assert grid_of([one, two]).rows[0].sparkline is None

    def test_says_its_values_to_those_who_do_not_see_it(self):
        assert self.course("4", "5").words == "4 mmol/L, 5 mmol/L"
