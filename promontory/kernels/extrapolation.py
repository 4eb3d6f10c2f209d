"""From the first and the last sample of a window to the increase over all of it.

    |<---------------- range ---------------->|
    (  to_start  first ...... last   to_end   ]

The increase between the first and the last sample is extrapolated to the edges of the window, or by half an
average gap where an edge is further than 1.1 gaps away. A counter is never extrapolated below zero: after that
choice, the way to the left is cut to the time at which the counter would have been zero. (Prometheus 2 did these
two in the other order.)

Windows go through in blocks: what a window needs is gathered into columns first, because its seven divisions over
columns are vector code, and over samples wherever they lie they are not.

    columns float64[COLUMNS * BLOCK]     increase · first value · ms to start · ms to end · ms sampled · gaps

Source: Prometheus 3.14, promql/functions.go, extrapolatedRate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]

BLOCK = 256
COLUMNS = 6


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


@kernel("void(int64[::1], float64[::1], int64[::1], int64[::1], int64, int64, int64, float64[::1])")
def gather_columns(
    timestamps: Longs, values: Floats, low: Longs, high: Longs, first_ms: int, step_ms: int, range_ms: int,
    columns: Floats,
) -> None:  # fmt: skip
    """Write the columns of up to BLOCK windows; without two samples they are zeros."""
    increase, first_value = columns[:BLOCK], columns[BLOCK : 2 * BLOCK]
    to_start, to_end = columns[2 * BLOCK : 3 * BLOCK], columns[3 * BLOCK : 4 * BLOCK]
    sampled, gaps = columns[4 * BLOCK : 5 * BLOCK], columns[5 * BLOCK : 6 * BLOCK]
    for j in range(len(low)):
        if high[j] - low[j] < 2:
            increase[j] = first_value[j] = to_start[j] = to_end[j] = sampled[j] = gaps[j] = 0.0
            continue
        # Unsigned, so that no index counts from the end and none has to be looked at for that.
        first, last = wrap64(low[j]), wrap64(high[j] - 1)
        end_ms = first_ms + j * step_ms
        increase[j] = values[last] - values[first]
        first_value[j] = values[first]
        to_start[j] = timestamps[first] - (end_ms - range_ms)
        to_end[j] = end_ms - timestamps[last]
        sampled[j] = timestamps[last] - timestamps[first]
        gaps[j] = high[j] - 1 - low[j]


@kernel("void(int64, float64, float64[::1], float64[::1], boolean[::1])")
def extrapolate_columns(counter: int, divisor: float, columns: Floats, out: Floats, present: Flags) -> None:
    """Write for each window of a block its increase times the factor of `extrapolate` over `divisor`."""
    increase, first_value = columns[:BLOCK], columns[BLOCK : 2 * BLOCK]
    to_start_ms, to_end_ms = columns[2 * BLOCK : 3 * BLOCK], columns[3 * BLOCK : 4 * BLOCK]
    sampled_ms, gaps = columns[4 * BLOCK : 5 * BLOCK], columns[5 * BLOCK : 6 * BLOCK]
    for j in range(len(out)):
        to_start = to_start_ms[j] / 1000.0
        to_end = to_end_ms[j] / 1000.0
        sampled = sampled_ms[j] / 1000.0
        gap = sampled / gaps[j]
        threshold = gap * 1.1
        half = gap / 2.0
        to_start = half if to_start >= threshold else to_start
        to_zero = sampled * (first_value[j] / increase[j])
        # `&`, not `and`: every side is evaluated, there is nothing to jump over.
        cut = (counter != 0) & (increase[j] > 0.0) & (first_value[j] >= 0.0) & (to_zero < to_start)
        to_start = to_zero if cut else to_start
        to_end = half if to_end >= threshold else to_end
        factor = (sampled + to_start + to_end) / sampled
        factor = factor if sampled != 0.0 else 1.0
        out[j] = increase[j] * (factor / divisor)
        present[j] = gaps[j] > 0.0
