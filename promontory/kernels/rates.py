"""Row functions of the rate family: rate, increase, delta, irate, idelta, resets, changes.

Source: Prometheus 3.14, promql/functions.go, extrapolatedRate, instantValue, funcResets and funcChanges.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.counter_resets import add_falls, bound_falls, find_resets, gather_falls
from promontory.kernels.extrapolation import BLOCK, COLUMNS, extrapolate_columns, gather_columns
from promontory.kernels.windows import ROW, window_kernel

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]


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


@kernel(ROW.replace("void(", "void(int64, float64, "))
def counter_row(
    counter: int, divisor: float,
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the extrapolated increase of each window with two samples or more, divided by `divisor`."""
    columns, falls = ordered[: COLUMNS * BLOCK], ordered[COLUMNS * BLOCK :]
    resets = find_resets(values, start, end, places) if counter else 0
    exact = gather_falls(values, start, end, places, resets, falls)
    spare = len(places) - 2 * BLOCK
    reached = 0
    for base in range(0, len(out), BLOCK):
        top = min(base + BLOCK, len(out))
        gather_columns(
            timestamps, values, low[base:top], high[base:top], first_ms + base * step_ms, step_ms, range_ms, columns
        )  # fmt: skip
        if resets:
            below, upto = places[spare : spare + top - base], places[spare + BLOCK : spare + BLOCK + top - base]
            reached = bound_falls(places, resets, reached, low[base:top], high[base:top], below, upto)
            add_falls(exact, falls, below, upto, columns[: top - base])
        extrapolate_columns(counter, divisor, columns, out[base:top], present[base:top])


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
