"""How one measured value changed over time: the rows of its table, and its plot."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from records import plots
from records.fhir.present import Measurement
from records.services.opening import Opened


@dataclass(frozen=True)
class Point:
    """One earlier or later value of the same series."""

    record_id: uuid.UUID
    when: str
    day: date | None
    measurement: Measurement
    is_current: bool
    is_plotted: bool


@dataclass(frozen=True)
class Line:
    """One series: what was measured, its values newest first, and its plot where there is one."""

    name: str
    unit: str
    points: Sequence[Point]
    plot: plots.Plot | None

    @property
    def left_out(self) -> int:
        """How many values stand in the table but not in the plot: another unit, or not a plain number."""
        return sum(not point.is_plotted for point in self.points)


def lines_of(current: Opened, opened: Sequence[Opened]) -> list[Line]:
    """
    Follow each measurement of `current` through all results of its kind.

    Only values in the same unit share a plot: converting them would be a claim of ours. A result
    that was entered in error, or that does not match what was anchored, has no place in a series.
    """
    trusted = [one for one in opened if one.is_trusted and one.presented]
    trusted = [one for one in trusted if one.presented and not one.presented.is_entered_in_error]
    measurements = current.presented.measurements if current.presented else ()
    lines = [
        _line(measurement, current, trusted)
        for measurement in measurements
        if measurement.value is not None and measurement.series
    ]
    return [line for line in lines if len(line.points) > 1]


def _line(measured: Measurement, current: Opened, opened: Sequence[Opened]) -> Line:
    points = [
        _point(one, other, measured, is_current=one.record.pk == current.record.pk)
        for one in opened
        for other in (one.presented.measurements if one.presented else ())
        if other.series == measured.series
    ]
    plotted = [
        plots.Measured(point.day, point.measurement.value, point.measurement.text, point.is_current)
        for point in points
        if point.is_plotted and point.day and point.measurement.value is not None
    ]
    return Line(
        name=measured.name,
        unit=measured.unit,
        points=sorted(points, key=lambda point: point.day or date.min, reverse=True),
        plot=plots.plot(plotted, low=measured.low, high=measured.high),
    )


def _point(one: Opened, other: Measurement, measured: Measurement, *, is_current: bool) -> Point:
    day = other.occurred.earliest or one.record.occurred_date
    return Point(
        record_id=one.record.pk,
        when=other.occurred.text,
        day=day,
        measurement=other,
        is_current=is_current,
        is_plotted=day is not None and other.value is not None and other.unit == measured.unit,
    )
