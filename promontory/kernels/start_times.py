"""Counters whose samples say when they began: rate, increase, irate and resets with start times.

A sample whose counter began after the sample before it tells of a reset, whatever the values. One that began exactly
then is a delta if the sample before it knew its start too, else a counter whose true start is unknown. A start at or
after its own sample says nothing; 0 is no start.

    (   start 0 ---- first ---- last    ]      a counter that began inside the window was 0 then: nothing is
    |<-------------- range ------------>|      extrapolated to the left, and one sample is enough

Source: Prometheus 3.14, promql/functions.go, isStartTimestampReset, checkStartTimeOverlap and extrapolatedRate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.extrapolation import extrapolate
from promontory.kernels.rates import count_places
from promontory.kernels.windows import find_ends

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]
Octets = NDArray[np.uint8]


@kernel("void(int64[::1], int64[::1], int64[::1], boolean[::1], boolean[::1])")
def mark_starts(row_start: Longs, timestamps: Longs, starts: Longs, restarted: Flags, overlapped: Flags) -> None:
    """Mark the samples that say of the one before them in their row: the counter began anew, or it cannot have.

    restarted, overlapped: bool[m], False on entry
    """
    for row in range(len(row_start) - 1):
        for i in range(row_start[row] + 1, row_start[row + 1]):
            begun = starts[i]
            if begun == 0:
                continue
            before_ms = timestamps[i - 1]
            overlapped[i] = begun < before_ms and begun != starts[i - 1]
            if begun >= timestamps[i] or begun < before_ms:
                continue
            restarted[i] = begun > before_ms or (starts[i - 1] != 0 and starts[i - 1] < before_ms)


@kernel("int64(float64[::1], boolean[::1], int64, int64, int64[::1])")
def find_restarted(values: Floats, restarted: Flags, start: int, end: int, places: Longs) -> int:
    """Write the indexes of a row's samples that fell or are marked; return how many there are."""
    count = 0
    for i in range(start + 1, end):
        if restarted[i] or values[i] < values[i - 1]:
            places[count] = i
            count += 1
    return count


@kernel("boolean(int64, int64, int64)")
def begins_within(start_ms: int, begun_ms: int, first_ms: int) -> bool:
    """Say whether a counter began inside the window that starts at `start_ms`, before its first sample."""
    return begun_ms != 0 and begun_ms > start_ms and begun_ms < first_ms


@kernel("float64(int64, int64, int64, int64, int64)")
def factor_from_start(begun_ms: int, first_ms: int, last_ms: int, gaps: int, end_ms: int) -> float:
    """Return the factor by which the increase since the counter's start grows to fill the window to the right."""
    gap = (last_ms - first_ms) / 1000.0 / gaps if gaps > 0 else 0.0
    sampled = (last_ms - begun_ms) / 1000.0
    to_end = (end_ms - last_ms) / 1000.0
    if to_end >= gap * 1.1:
        to_end = gap / 2.0
    return (sampled + to_end) / sampled


@kernel(
    "void(float64, int64[::1], float64[::1], int64[::1], int64, int64[::1], int64[::1], int64[::1], int64, int64,"
    " int64, float64[::1], boolean[::1])"
)
def started_row(
    divisor: float, timestamps: Longs, values: Floats, starts: Longs, resets: int, places: Longs,
    low: Longs, high: Longs, first_ms: int, step_ms: int, range_ms: int, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the increase of each window of a row, divided by `divisor`; places: the indexes of its resets."""
    from_reset = 0
    for j in range(len(out)):
        first = low[j]
        last = high[j] - 1
        if last < first:
            continue
        increase = values[last] - values[first]
        while from_reset < resets and places[from_reset] <= first:
            from_reset += 1
        reset = from_reset
        while reset < resets and places[reset] <= last:
            increase += values[places[reset] - 1]
            reset += 1
        end_ms = first_ms + j * step_ms
        if begins_within(end_ms - range_ms, starts[first], timestamps[first]):
            increase += values[first]
            factor = factor_from_start(starts[first], timestamps[first], timestamps[last], last - first, end_ms)
        elif last == first:
            continue
        else:
            factor = extrapolate(
                increase, values[first], timestamps[first], timestamps[last], last - first, end_ms - range_ms, end_ms, 1
            )
        out[j] = increase * (factor / divisor)
        present[j] = True


@kernel("void(int64[::1], float64[::1], boolean[::1], int64[::1], int64[::1], float64[::1], boolean[::1])")
def instant_row(
    timestamps: Longs, values: Floats, restarted: Flags, low: Longs, high: Longs, out: Floats, present: Flags
) -> None:  # fmt: skip
    """Evaluate the increase a second between the last two samples; after a reset the last value is the increase."""
    for j in range(len(out)):
        last = high[j] - 1
        if last <= low[j] or timestamps[last] == timestamps[last - 1]:
            continue
        rise = values[last]
        if not values[last] < values[last - 1] and not restarted[last]:
            rise = values[last] - values[last - 1]
        out[j] = rise / ((timestamps[last] - timestamps[last - 1]) / 1000.0)
        present[j] = True


RATE, INSTANT, RESETS = 0, 1, 2


@kernel(
    "int64(int64, float64, int64[::1], int64[::1], float64[::1], int64[::1], boolean[::1], int64, int64, int64,"
    " uint8[::1], int64[::1], int64[::1], float64[:, ::1], boolean[:, ::1])"
)
def started_windows(
    function: int, divisor: float,
    row_start: Longs, timestamps: Longs, values: Floats, starts: Longs, restarted: Flags,
    first_ms: int, step_ms: int, range_ms: int,
    stop: Octets, ends: Longs, places: Longs, out: Floats, present: Flags,
) -> int:  # fmt: skip
    """Evaluate RATE, INSTANT or RESETS of each window; return how many rows were done before `stop` was set.

    restarted: of `mark_starts` · ends: int64[2 k], places: int64 for the longest row, scratch ·
    out, present: [n, k], present False on entry
    """
    count = out.shape[1]
    low = ends[:count]
    high = ends[count:]
    for row in range(len(row_start) - 1):
        if stop[0] != 0:
            return row
        start = row_start[row]
        end = row_start[row + 1]
        find_ends(timestamps, start, end, first_ms - range_ms, step_ms, low)
        find_ends(timestamps, start, end, first_ms, step_ms, high)
        if function == INSTANT:
            instant_row(timestamps, values, restarted, low, high, out[row], present[row])
            continue
        resets = find_restarted(values, restarted, start, end, places)
        if function == RESETS:
            count_places(resets, places, low, high, out[row], present[row])
            continue
        started_row(
            divisor, timestamps, values, starts, resets, places, low, high, first_ms, step_ms, range_ms,
            out[row], present[row],
        )  # fmt: skip
    return len(row_start) - 1
