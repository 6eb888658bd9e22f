"""Results as a grid: a row for each thing measured, a column for each day, and a small line over time."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from records.fhir.present import Measurement

DAYS_SHOWN = 8
SPARK_WIDTH, SPARK_HEIGHT, SPARK_EDGE = 96, 24, 3


@dataclass(frozen=True)
class Cell:
    """One value on one day, and the record that it stands in."""

    text: str
    record_id: UUID
    is_abnormal: bool = False
    is_critical: bool = False
    interpretation: str = ""


@dataclass(frozen=True)
class Sparkline:
    """Values over time as points of a small drawing; the band is the reference range, where one is known."""

    points: str
    last_x: float
    last_y: float
    words: str
    band_y: float | None = None
    band_height: float | None = None
    width: int = SPARK_WIDTH
    height: int = SPARK_HEIGHT


@dataclass(frozen=True)
class GridRow:
    """All that was found of one measured thing. Each cell holds the values of that day, mostly one."""

    name: str
    unit: str
    range_text: str
    newest: Cell
    newest_day: date
    is_measured: bool
    cells: Sequence[Sequence[Cell]]
    sparkline: Sparkline | None


@dataclass(frozen=True)
class Grid:
    """`rows` are what was measured in numbers, by day; `in_words` all else, with its newest answer."""

    days: Sequence[date]
    rows: Sequence[GridRow]
    in_words: Sequence[GridRow]
    hidden_days: int


@dataclass(frozen=True)
class _Found:
    measurement: Measurement
    day: date
    record_id: UUID


def grid_of(opened: Iterable[Any]) -> Grid:
    """
    Lay out what these opened results measured, the newest day first.

    A report repeats the values of its observations: what a row already has for a day is not said twice.
    """
    series: dict[str, list[_Found]] = defaultdict(list)
    for one in opened:
        if not one.is_trusted or one.presented is None or one.presented.is_entered_in_error:
            continue
        for measurement in one.presented.measurements:
            day = measurement.occurred.earliest or one.record.occurred_date
            if day is not None and measurement.text and not measurement.is_absent:
                series[measurement.series or measurement.name].append(_Found(measurement, day, one.record.pk))
    measured = [group for group in series.values() if any(one.measurement.value is not None for one in group)]
    days = sorted({found.day for group in measured for found in group}, reverse=True)
    rows = [_row(group, days[:DAYS_SHOWN]) for group in series.values()]
    # What was measured last stands first, then by name.
    rows.sort(key=lambda row: row.name.casefold())
    rows.sort(key=lambda row: row.newest_day, reverse=True)
    return Grid(
        days=days[:DAYS_SHOWN],
        rows=[row for row in rows if row.is_measured],
        in_words=[row for row in rows if not row.is_measured],
        hidden_days=len(days[DAYS_SHOWN:]),
    )


def _row(group: list[_Found], days: Sequence[date]) -> GridRow:
    group = sorted(group, key=lambda found: found.day)
    newest = group[-1]
    by_day: dict[date, dict[str, Cell]] = defaultdict(dict)
    for found in group:
        by_day[found.day].setdefault(found.measurement.text, _cell(found))
    return GridRow(
        name=newest.measurement.name,
        unit=newest.measurement.unit,
        range_text=newest.measurement.range_text,
        newest=_cell(newest),
        newest_day=newest.day,
        is_measured=any(found.measurement.value is not None for found in group),
        cells=[[*by_day[day].values()] if day in by_day else [] for day in days],
        sparkline=sparkline_of(group),
    )


def _cell(found: _Found) -> Cell:
    measured = found.measurement
    return Cell(
        text=measured.text,
        record_id=found.record_id,
        is_abnormal=measured.is_abnormal,
        is_critical=measured.is_critical,
        interpretation=measured.interpretation,
    )


def sparkline_of(group: Sequence[Any]) -> Sparkline | None:
    """Draw the plain numbers of a series, oldest first; None where there are not two days to compare."""
    newest_unit = group[-1].measurement.unit
    known = [
        found
        for found in group
        if found.measurement.value is not None and found.measurement.unit == newest_unit
    ]
    if len({found.day for found in known}) < 2:
        return None
    values = [float(found.measurement.value) for found in known]
    last = known[-1].measurement
    edges = [float(edge) for edge in (last.low, last.high) if edge is not None]
    bottom, top = min(values + edges), max(values + edges)
    first_day, days = known[0].day, (known[-1].day - known[0].day).days

    def x_of(day: date) -> float:
        return round(SPARK_EDGE + (day - first_day).days / days * (SPARK_WIDTH - 2 * SPARK_EDGE), 1)

    def y_of(value: float) -> float:
        share = (value - bottom) / (top - bottom) if top > bottom else 0.5
        return round(SPARK_HEIGHT - SPARK_EDGE - share * (SPARK_HEIGHT - 2 * SPARK_EDGE), 1)

    points = [(x_of(found.day), y_of(value)) for found, value in zip(known, values, strict=True)]
    band_top = y_of(float(last.high)) if last.high is not None else 0.0
    band_bottom = y_of(float(last.low)) if last.low is not None else float(SPARK_HEIGHT)
    return Sparkline(
        points=" ".join(f"{x},{y}" for x, y in points),
        last_x=points[-1][0],
        last_y=points[-1][1],
        words=", ".join(found.measurement.text for found in known[-6:]),
        band_y=band_top if edges else None,
        band_height=round(band_bottom - band_top, 1) if edges else None,
    )
