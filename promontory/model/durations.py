"""Durations as Prometheus writes them: `1h30m`, `5m`, `250ms`; units fall from y to ms, each at most once.

A year is 365 days, a week 7, a day 24 hours. Used by queries, flags and the HTTP API. Source: Prometheus'
documentation, "Querying basics", section "Float literals and time durations", and prometheus/common model.Duration.
"""

from __future__ import annotations

import re

from promontory.errors import InputError

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NANOSECONDS_OF_UNIT = {
    "y": 365 * 86_400 * 10**9,
    "w": 7 * 86_400 * 10**9,
    "d": 86_400 * 10**9,
    "h": 3_600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
}
UNIT_ORDER = {unit: place for place, unit in enumerate(NANOSECONDS_OF_UNIT)}
MAX_DURATION_NS = 2**63 - 1
MAX_COUNT = 2**64 - 1
MAX_COUNT_DIGITS = 20
# Years and weeks are written only where nothing is left over: 90d is easier to read than 12w6d.
MILLISECONDS_OF_UNIT = tuple((unit, size // 10**6, unit in ("y", "w")) for unit, size in NANOSECONDS_OF_UNIT.items())

_PART = re.compile(r"([0-9]+)([^0-9]+)")


def parse_duration_ms(text: str) -> int:
    """Return the milliseconds of a duration. Raises InputError with Prometheus' words."""
    return parse_duration_ns(text) // 10**6


def parse_duration_ns(text: str) -> int:
    """Return the nanoseconds of a duration. Raises InputError with Prometheus' words."""
    if text == "0":
        return 0
    if not text:
        raise InputError("empty duration string")
    total_ns = 0
    end = 0
    last_place = -1
    while end < len(text):
        part = _PART.match(text, end)
        digits = "" if part is None else part[1].lstrip("0")
        if part is None or len(digits) > MAX_COUNT_DIGITS or int(digits or "0") > MAX_COUNT:
            raise InputError(f'not a valid duration string: "{text}"')
        size_ns = NANOSECONDS_OF_UNIT.get(part[2])
        if size_ns is None:
            raise InputError(f'unknown unit "{part[2]}" in duration "{text}"')
        if UNIT_ORDER[part[2]] <= last_place:
            raise InputError(f'not a valid duration string: "{text}"')
        last_place = UNIT_ORDER[part[2]]
        total_ns += int(digits or "0") * size_ns
        if total_ns > MAX_DURATION_NS:
            raise InputError("duration out of range")
        end = part.end()
    return total_ns


def format_resolution(resolution_ms: int) -> str:
    """Return `raw`, or the width of a window as Prometheus writes durations."""
    return format_duration(resolution_ms) if resolution_ms else "raw"


def format_duration(duration_ms: int) -> str:
    """Return the duration as Prometheus writes it; `0s` for none, `-` first where it is negative."""
    if duration_ms == 0:
        return "0s"
    parts = ["-"] if duration_ms < 0 else []
    rest_ms = abs(duration_ms)
    for unit, size_ms, exact in MILLISECONDS_OF_UNIT:
        if exact and rest_ms % size_ms:
            continue
        count, left_ms = divmod(rest_ms, size_ms)
        if count:
            parts.append(f"{count}{unit}")
            rest_ms = left_ms
    return "".join(parts)
