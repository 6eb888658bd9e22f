"""
Plots of measured values, worked out on the server as plain geometry.

A template draws them as SVG, so they need no script, print well, and sit beside a table that says
the same in words. The numbers in the table are the written ones; only the dots pass through floats.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

# Narrow, so that its words stay readable on a telephone; wide screens show it larger.
WIDTH = 420
HEIGHT = 260
# Room for the labels: of the values on the left, of the days below.
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 34


@dataclass(frozen=True)
class Measured:
    """One value to plot."""

    day: date
    value: Decimal
    label: str
    is_current: bool = False


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    label: str
    is_current: bool


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Band:
    """The reference range behind the dots; one side may be open."""

    y: float
    height: float


@dataclass(frozen=True)
class Plot:
    """Everything the template draws."""

    dots: Sequence[Dot]
    values: Sequence[Tick]
    first: date
    last: date
    band: Band | None = None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM

    @property
    def line(self) -> str:
        """The dots' places, as the points of an SVG polyline."""
        return " ".join(f"{dot.x},{dot.y}" for dot in self.dots)


@dataclass(frozen=True)
class RangeBar:
    """A reference range as a bar, and where the value stands on it; percentages of the bar's width."""

    low_at: float | None
    high_at: float | None
    value_at: float
    low: str = ""
    high: str = ""


def plot(
    measured: Sequence[Measured], *, low: Decimal | None = None, high: Decimal | None = None
) -> Plot | None:
    """Lay out values over time, oldest first; None when they do not span two days."""
    ordered = sorted(measured, key=lambda one: one.day)
    if not ordered or ordered[0].day == ordered[-1].day:
        return None
    first, last = ordered[0].day, ordered[-1].day
    known = [float(one.value) for one in ordered] + [float(edge) for edge in (low, high) if edge is not None]
    ticks = nice_ticks(min(known), max(known))
    bottom_value, top_value = ticks[0], ticks[-1]
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(day: date) -> float:
        return round(LEFT + (right - LEFT) * (day - first).days / (last - first).days, 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - TOP) * (value - bottom_value) / (top_value - bottom_value), 1)

    band = None
    if low is not None or high is not None:
        upper = y(float(high)) if high is not None else float(TOP)
        lower = y(float(low)) if low is not None else float(bottom)
        band = Band(y=upper, height=round(max(lower - upper, 0), 1))

    return Plot(
        dots=[Dot(x(one.day), y(float(one.value)), one.label, one.is_current) for one in ordered],
        values=[Tick(y(tick), _written(tick)) for tick in ticks],
        first=first,
        last=last,
        band=band,
    )


def range_bar(value: Decimal, *, low: Decimal | None, high: Decimal | None) -> RangeBar | None:
    """
    Lay a value beside its reference range; None when there is no range.

    An open side (“below 5.7”) ends where the bar ends.
    """
    if low is None and high is None:
        return None
    edges = [float(edge) for edge in (low, high) if edge is not None]
    span = edges[1] - edges[0] if len(edges) == 2 else abs(edges[0])
    margin = (span or abs(edges[0]) or 1) * 0.4
    start = min(edges[0] - margin, float(value) - margin / 4)
    end = max(edges[-1] + margin, float(value) + margin / 4)
    if low is None and start < 0 <= min(edges[0], float(value)):
        start = 0.0  # what is measured here has no negative amounts

    def at(place: float) -> float:
        return round(100 * (place - start) / (end - start), 2)

    return RangeBar(
        low_at=at(float(low)) if low is not None else None,
        high_at=at(float(high)) if high is not None else None,
        value_at=at(float(value)),
        low=str(low) if low is not None else "",
        high=str(high) if high is not None else "",
    )


def nice_ticks(lowest: float, highest: float, *, wanted: int = 5) -> list[float]:
    """Choose round numbers that enclose both ends, about as many as `wanted`, never fewer than two."""
    if lowest == highest:
        pad = abs(lowest) * 0.1 or 1.0
        lowest, highest = lowest - pad, highest + pad
    raw = (highest - lowest) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    start, stop = math.floor(lowest / step), math.ceil(highest / step)
    return [round(index * step, 10) for index in range(start, stop + 1)]


def _written(tick: float) -> str:
    return f"{tick:g}" if abs(tick) < 1_000_000 else f"{tick:.0f}"
