"""Parts of dates from seconds since the epoch, UTC.

Years are counted from 1 March in eras of 146,097 days, so that the leap day is the last of a year. The first era is as
far back as Go's: seconds that int64 does not hold (and NaN) count as its least one, which lies before that era and
wraps around to the year 292277026596, as in Prometheus.
Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Counts = NDArray[np.uint64]

DAY_S = 86_400
ERA_DAYS = 146_097
ERA_YEARS = 400
# Eras before the year 0.
FIRST_ERA = 730_692_556
# From the first era to the epoch.
EPOCH_DAY = FIRST_ERA * ERA_DAYS + 719_468
EPOCH_S = np.uint64(EPOCH_DAY * DAY_S)
# The epoch was a Thursday.
WEEKDAY_OF_FIRST_ERA = (4 - EPOCH_DAY) % 7
MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


def _seconds(values: Floats) -> Counts:
    """Return the seconds since the first era, modulo 2^64."""
    held = np.abs(values) < 2.0**63
    return np.where(held, values, -(2.0**63)).astype(np.int64).view(np.uint64) + EPOCH_S


def _days(values: Floats) -> Longs:
    """Return the days since the first era."""
    return (_seconds(values) // np.uint64(DAY_S)).astype(np.int64)


def _second_of_day(values: Floats) -> Longs:
    return (_seconds(values) % np.uint64(DAY_S)).astype(np.int64)


def _civil(values: Floats) -> tuple[Longs, Longs, Longs]:
    """Return (year, month, day of month)."""
    days = _days(values)
    era = days // ERA_DAYS
    day_of_era = days - era * ERA_DAYS
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = np.where(shifted < 10, shifted + 3, shifted - 9)
    year = year_of_era + (era - FIRST_ERA) * ERA_YEARS + (month <= 2)
    return year, month, day_of_year - (153 * shifted + 2) // 5 + 1


def _is_leap(year: Longs) -> NDArray[np.bool_]:
    leap: NDArray[np.bool_] = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return leap


def _day_of_year(values: Floats) -> Longs:
    year, month, day = _civil(values)
    before: Longs = np.concatenate([[0], np.cumsum(MONTH_DAYS)])[month - 1] + day
    before += (month > 2) & _is_leap(year)
    return before


def _days_in_month(values: Floats) -> Longs:
    year, month, _ = _civil(values)
    days: Longs = MONTH_DAYS[month - 1] + ((month == 2) & _is_leap(year))
    return days


_PARTS: dict[str, Callable[[Floats], Longs]] = {
    "day_of_month": lambda values: _civil(values)[2],
    "day_of_week": lambda values: (_days(values) + WEEKDAY_OF_FIRST_ERA) % 7,
    "day_of_year": _day_of_year,
    "days_in_month": _days_in_month,
    "hour": lambda values: _second_of_day(values) // 3600,
    "minute": lambda values: _second_of_day(values) % 3600 // 60,
    "month": lambda values: _civil(values)[1],
    "year": lambda values: _civil(values)[0],
}


def _as_floats(part: Callable[[Floats], Longs]) -> Callable[[Floats], Floats]:
    return lambda values: part(values).astype(np.float64)


DATES = {name: _as_floats(part) for name, part in _PARTS.items()}
