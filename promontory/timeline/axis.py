"""The axis of time: where its marks stand and what they say, in UTC."""

from __future__ import annotations

from dataclasses import dataclass

from promontory.model.durations import DAY_MS, HOUR_MS
from promontory.model.rfc3339 import format_rfc3339_ms

MOST_TICKS = 12
_STEPS_MS = (
    1000, 10_000, 60_000, 600_000, HOUR_MS, 2 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS, 7 * DAY_MS,
    14 * DAY_MS, 28 * DAY_MS, 84 * DAY_MS, 364 * DAY_MS, 3640 * DAY_MS,
)  # fmt: skip
_CHARACTERS = {1000: slice(5, 19), HOUR_MS: slice(5, 16), DAY_MS: slice(0, 10)}
"""By the smallest step that shows it: which part of an RFC 3339 time is shown."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis."""

    time_ms: int
    text: str


def make_ticks(min_time_ms: int, max_time_ms: int) -> list[Tick]:
    """Return the marks of a range at round times, at most a dozen."""
    length_ms = max_time_ms - min_time_ms
    step_ms = next((step for step in _STEPS_MS if length_ms <= MOST_TICKS * step), length_ms // MOST_TICKS + 1)
    part = next(_CHARACTERS[least] for least in sorted(_CHARACTERS, reverse=True) if step_ms >= least)
    first_ms = -(-min_time_ms // step_ms) * step_ms
    return [
        Tick(time_ms, format_rfc3339_ms(time_ms)[part].replace("T", " "))
        for time_ms in range(first_ms, max_time_ms + 1, step_ms)
    ]
