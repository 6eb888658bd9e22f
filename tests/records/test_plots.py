"""Plots: where the dots, the ticks and the range stand."""

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest

from records.plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Measured, nice_ticks, plot, range_bar


def measured(*values, start=date(2026, 1, 1)):
    return [
        Measured(date.fromordinal(start.toordinal() + 10 * index), Decimal(value), value)
        for index, value in enumerate(values)
    ]


class TestNiceTicks:
    @pytest.mark.parametrize(
        ("lowest", "highest"), [(4.1, 6.2), (0, 0), (98, 98), (-3, 12), (0.0001, 0.0007), (5, 250_000)]
    )
    def test_enclose_both_ends_in_equal_steps(self, lowest, highest):
        ticks = nice_ticks(lowest, highest)

        assert ticks[0] <= lowest <= highest <= ticks[-1]
        assert 2 <= len(ticks) <= 9
        steps = [after - before for before, after in pairwise(ticks)]
        assert max(steps) == pytest.approx(min(steps))


class TestPlot:
    @pytest.mark.parametrize("values", [[], ["5.4"]])
    def test_is_nothing_when_there_is_nothing_to_compare(self, values):
        assert plot(measured(*values)) is None

    def test_runs_from_the_first_day_to_the_last(self):
        drawn = plot(measured("5.4", "6.0", "5.8"))

        assert [dot.x for dot in drawn.dots] == [LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT]

    def test_puts_a_higher_value_higher(self):
        drawn = plot(measured("5.4", "6.0"))

        assert drawn.dots[1].y < drawn.dots[0].y

    def test_keeps_every_dot_and_the_range_inside_its_frame(self):
        drawn = plot(measured("5.4", "600", "0"), low=Decimal("-2"), high=Decimal("700"))

        for dot in drawn.dots:
            assert TOP <= dot.y <= HEIGHT - BOTTOM
        assert drawn.band.y >= TOP
        assert drawn.band.y + drawn.band.height <= HEIGHT - BOTTOM

    def test_orders_what_came_in_any_order(self):
        drawn = plot(list(reversed(measured("1", "2", "3"))))

        assert [dot.label for dot in drawn.dots] == ["1", "2", "3"]

    def test_stands_several_values_of_one_day_above_each_other(self):
        drawn = plot([*measured("1", "2"), *measured("3")])

        assert drawn.dots[0].x == drawn.dots[1].x != drawn.dots[2].x

    def test_is_nothing_when_all_values_are_of_one_day(self):
        assert plot([*measured("1"), *measured("2")]) is None

    def test_leaves_the_open_side_of_a_range_open(self):
        drawn = plot(measured("1", "9"), high=Decimal("5"))

        assert drawn.band.y + drawn.band.height == HEIGHT - BOTTOM


class TestRangeBar:
    def test_is_nothing_without_a_range(self):
        assert range_bar(Decimal("5"), low=None, high=None) is None

    def test_stands_a_value_inside_between_its_edges(self):
        bar = range_bar(Decimal("5"), low=Decimal("4"), high=Decimal("6"))

        assert 0 < bar.low_at < bar.value_at < bar.high_at < 100

    @pytest.mark.parametrize("value", ["-40", "0", "3.9", "6.1", "9000"])
    def test_keeps_a_value_far_outside_on_the_bar(self, value):
        bar = range_bar(Decimal(value), low=Decimal("4"), high=Decimal("6"))

        assert 0 <= bar.value_at <= 100
        assert 0 <= bar.low_at < bar.high_at <= 100

    def test_has_no_mark_on_its_open_side(self):
        bar = range_bar(Decimal("3"), low=None, high=Decimal("5.70"))

        assert bar.low_at is None
        assert bar.high == "5.70"

    @pytest.mark.parametrize(("low", "high"), [("0", "0"), (None, "0"), ("0", None), ("5", "5")])
    def test_survives_ranges_without_width(self, low, high):
        bar = range_bar(Decimal("0"), low=low and Decimal(low), high=high and Decimal(high))

        assert 0 <= bar.value_at <= 100
