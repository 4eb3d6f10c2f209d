"""Parts of dates from seconds since the epoch, UTC.

Years are counted from 1 March of year 0 in eras of 146,097 days, so that the leap day is the last of a year.
Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

DAY_S = 86_400
ERA_DAYS = 146_097
MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


def _seconds(values: Floats) -> Longs:
    return np.trunc(values).astype(np.int64)


def _civil(values: Floats) -> tuple[Longs, Longs, Longs]:
    """Return (year, month, day of month)."""
    days = _seconds(values) // DAY_S + 719_468
    era = days // ERA_DAYS
    day_of_era = days - era * ERA_DAYS
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = np.where(shifted < 10, shifted + 3, shifted - 9)
    year = year_of_era + era * 400 + (month <= 2)
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
    "day_of_week": lambda values: (_seconds(values) // DAY_S + 4) % 7,
    "day_of_year": _day_of_year,
    "days_in_month": _days_in_month,
    "hour": lambda values: _seconds(values) % DAY_S // 3600,
    "minute": lambda values: _seconds(values) % 3600 // 60,
    "month": lambda values: _civil(values)[1],
    "year": lambda values: _civil(values)[0],
}


def _as_floats(part: Callable[[Floats], Longs]) -> Callable[[Floats], Floats]:
    return lambda values: part(values).astype(np.float64)


DATES = {name: _as_floats(part) for name, part in _PARTS.items()}
