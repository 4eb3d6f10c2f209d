"""RFC 3339 times to milliseconds, for every year that int64 milliseconds can hold.

    2026-11-21T03:40:00.5+01:00      date 'T' time [fraction] ('Z' | ±hh:mm), RFC 3339 section 5.6

`datetime` ends at the years 1 and 9999; Thanos' default of --min-time is the year 0 and Prometheus' clients send
its two extremes, so the days are counted here (proleptic Gregorian, years of March to February).
"""

from __future__ import annotations

import re

from promontory.errors import InputError
from promontory.model.durations import DAY_MS

_DAYS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_TIME = re.compile(
    r"(?P<year>-?\d{4,9})-(?P<month>\d\d)-(?P<day>\d\d)T(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?:[.,](?P<fraction>\d+))?(?P<zone>Z|[+-]\d\d:\d\d)",
    re.ASCII,
)


def parse_rfc3339_ms(text: str) -> int:
    """Return milliseconds since the epoch, further digits cut. Raises InputError naming the text."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise InputError(f"expected an RFC 3339 time such as 2026-01-31T12:00:00Z, found {text!r}")
    year, month, day, hour, minute, second = (
        int(found[name]) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    offset_minutes = _zone_minutes(found["zone"])
    if not (1 <= month <= 12 and 1 <= day <= _month_days(year, month)):
        raise InputError(f"expected a day of the calendar, found {text!r}")
    if hour > 23 or minute > 59 or second > 59 or offset_minutes is None:
        raise InputError(f"expected a time of day, found {text!r}")
    fraction_ms = int((found["fraction"] or "0")[:3].ljust(3, "0"))
    seconds = (hour * 60 + minute - offset_minutes) * 60 + second
    return _days_since_epoch(year, month, day) * DAY_MS + seconds * 1000 + fraction_ms


def format_rfc3339_ms(time_ms: int) -> str:
    """Return the time in UTC with milliseconds, for logs and messages."""
    days, rest_ms = divmod(time_ms, DAY_MS)
    year, month, day = _civil(days)
    seconds, milliseconds = divmod(rest_ms, 1000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"
    return f"{year:04}-{month:02}-{day:02}T{clock}Z"


def _zone_minutes(zone: str) -> int | None:
    if zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 23 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)


def _month_days(year: int, month: int) -> int:
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and is_leap else _DAYS[month]


def _days_since_epoch(year: int, month: int, day: int) -> int:
    years = year - (month <= 2)
    era, year_of_era = divmod(years, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def _civil(days: int) -> tuple[int, int, int]:
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = (shifted + 2) % 12 + 1
    return era * 400 + year_of_era + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1
