"""Row functions of the rate family: rate, increase, delta, irate, idelta, resets, changes.

    |<---------------- range ---------------->|
    (  to_start  first ...... last   to_end   ]

The increase between the first and the last sample is extrapolated to the edges of the window, or by half an
average gap where an edge is further than 1.1 gaps away. A counter is never extrapolated below zero: after that
choice, the way to the left is cut to the time at which the counter would have been zero. (Prometheus 2 did these
two in the other order.)

Counter resets are rare, so their places are found once a row; a window then adds the value before each reset
inside it, in order, which gives the same digits as walking through the window.

Source: Prometheus 3.14, promql/functions.go, extrapolatedRate and instantValue.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.windows import ROW, window_kernel

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]


@kernel("int64(float64[::1], int64, int64, int64[::1])")
def find_resets(values: Floats, start: int, end: int, places: Longs) -> int:
    """Write the indexes i with values[i] < values[i - 1]; return how many there are.

    Slices make the indexes plainly non-negative, so that counting a stretch without resets is vector code.
    """
    count = 0
    for base in range(start + 1, end, 256):
        now = values[base : min(base + 256, end)]
        before = values[base - 1 : min(base + 256, end) - 1]
        falls = 0
        for i in range(len(now)):
            falls += now[i] < before[i]
        if falls == 0:
            continue
        for i in range(len(now)):
            if now[i] < before[i]:
                places[count] = base + i
                count += 1
    return count


@kernel("int64(float64[::1], int64, int64, int64[::1])")
def find_changes(values: Floats, start: int, end: int, places: Longs) -> int:
    """Write the indexes i with values[i] != values[i - 1], NaN being equal to NaN; return how many there are."""
    count = 0
    for i in range(start + 1, end):
        both_nan = math.isnan(values[i]) and math.isnan(values[i - 1])
        if values[i] != values[i - 1] and not both_nan:
            places[count] = i
            count += 1
    return count


@kernel("float64(float64, float64, int64, int64, int64, int64, int64, int64)")
def extrapolate(
    increase: float, first_value: float, first_ms: int, last_ms: int, gaps: int, start_ms: int, end_ms: int,
    counter: int,
) -> float:  # fmt: skip
    """Return the factor by which the increase from first to last sample grows to fill the window."""
    to_start = (first_ms - start_ms) / 1000.0
    to_end = (end_ms - last_ms) / 1000.0
    sampled = (last_ms - first_ms) / 1000.0
    gap = sampled / gaps
    threshold = gap * 1.1
    if to_start >= threshold:
        to_start = gap / 2.0
    if counter and increase > 0.0 and first_value >= 0.0:
        to_zero = sampled * (first_value / increase)
        to_start = min(to_start, to_zero)
    if to_end >= threshold:
        to_end = gap / 2.0
    return (sampled + to_start + to_end) / sampled if sampled != 0.0 else 1.0


@kernel(ROW.replace("void(", "void(int64, float64, "))
def counter_row(
    counter: int, divisor: float,
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the extrapolated increase of each window with two samples or more, divided by `divisor`."""
    resets = find_resets(values, start, end, places) if counter else 0
    from_reset = 0
    for j in range(len(out)):
        first = low[j]
        last = high[j] - 1
        if last <= first:
            continue
        increase = values[last] - values[first]
        while from_reset < resets and places[from_reset] <= first:
            from_reset += 1
        reset = from_reset
        while reset < resets and places[reset] <= last:
            increase += values[places[reset] - 1]
            reset += 1
        end_ms = first_ms + j * step_ms
        factor = extrapolate(
            increase, values[first], timestamps[first], timestamps[last], last - first, end_ms - range_ms, end_ms,
            counter,
        )  # fmt: skip
        out[j] = increase * (factor / divisor)
        present[j] = True


@kernel(ROW)
def rate(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the increase a second."""
    counter_row(
        1, range_ms / 1000.0, timestamps, values, start, end, low, high, first_ms, step_ms, range_ms, at_ms,
        parameter, places, ordered, out, present,
    )  # fmt: skip


@kernel(ROW)
def increase(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the increase over the range."""
    counter_row(
        1, 1.0, timestamps, values, start, end, low, high, first_ms, step_ms, range_ms, at_ms,
        parameter, places, ordered, out, present,
    )  # fmt: skip


@kernel(ROW)
def delta(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the difference over the range of a gauge."""
    counter_row(
        0, 1.0, timestamps, values, start, end, low, high, first_ms, step_ms, range_ms, at_ms,
        parameter, places, ordered, out, present,
    )  # fmt: skip


@kernel(ROW)
def irate(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the increase a second between the last two samples; after a reset the last value is the increase."""
    for j in range(len(out)):
        last = high[j] - 1
        if last <= low[j] or timestamps[last] == timestamps[last - 1]:
            continue
        rise = values[last]
        if not values[last] < values[last - 1]:
            rise = values[last] - values[last - 1]
        out[j] = rise / ((timestamps[last] - timestamps[last - 1]) / 1000.0)
        present[j] = True


@kernel(ROW)
def idelta(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the difference between the last two samples."""
    for j in range(len(out)):
        last = high[j] - 1
        if last <= low[j] or timestamps[last] == timestamps[last - 1]:
            continue
        out[j] = values[last] - values[last - 1]
        present[j] = True


@kernel("void(int64, int64[::1], int64[::1], int64[::1], float64[::1], boolean[::1])")
def count_places(count: int, places: Longs, low: Longs, high: Longs, out: Floats, present: Flags) -> None:
    """Evaluate how many of the rising `places` lie after the first sample of each window."""
    below = 0
    upto = 0
    for j in range(len(out)):
        if high[j] <= low[j]:
            continue
        while below < count and places[below] <= low[j]:
            below += 1
        upto = max(upto, below)
        while upto < count and places[upto] < high[j]:
            upto += 1
        out[j] = upto - below
        present[j] = True


@kernel(ROW)
def resets(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate how often the value fell."""
    count_places(find_resets(values, start, end, places), places, low, high, out, present)


@kernel(ROW)
def changes(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate how often the value changed."""
    count_places(find_changes(values, start, end, places), places, low, high, out, present)


rate_windows = window_kernel(rate)
increase_windows = window_kernel(increase)
delta_windows = window_kernel(delta)
irate_windows = window_kernel(irate)
idelta_windows = window_kernel(idelta)
resets_windows = window_kernel(resets)
changes_windows = window_kernel(changes)
