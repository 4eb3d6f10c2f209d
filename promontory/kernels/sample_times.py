"""Row functions of `ts_of_*_over_time`: when a window's first, last, greatest or smallest sample was, in seconds.

Of several greatest (smallest) samples the last one counts. NaN is replaced by any number; among NaN alone it is the
last that counts too.

Source: Prometheus 3.14, promql/functions.go, compareOverTime.
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


@kernel("void(float64, int64[::1], float64[::1], int64[::1], int64[::1], int64[::1], float64[::1], boolean[::1])")
def last_extremes(
    sign: float, timestamps: Longs, values: Floats, low: Longs, high: Longs, queue: Longs, out: Floats, present: Flags
) -> None:
    """Evaluate the time of the last sample of each window at which sign * value is greatest.

    `queue[head:tail]` are the samples that can still become the answer: each smaller than the one before it.
    """
    head = 0
    tail = 0
    taken = 0
    for j in range(len(out)):
        if high[j] <= low[j]:
            continue
        for i in range(max(taken, low[j]), high[j]):
            value = sign * values[i]
            if math.isnan(value):
                continue
            while tail > head and sign * values[queue[tail - 1]] <= value:
                tail -= 1
            queue[tail] = i
            tail += 1
        taken = max(taken, high[j])
        while head < tail and queue[head] < low[j]:
            head += 1
        place = queue[head] if head < tail else high[j] - 1
        out[j] = timestamps[place] / 1000.0
        present[j] = True


@kernel(ROW)
def first_time(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the time of the oldest sample of each window."""
    for j in range(len(out)):
        if high[j] > low[j]:
            out[j] = timestamps[low[j]] / 1000.0
            present[j] = True


@kernel(ROW)
def last_time(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the time of the newest sample of each window."""
    for j in range(len(out)):
        if high[j] > low[j]:
            out[j] = timestamps[high[j] - 1] / 1000.0
            present[j] = True


@kernel(ROW)
def max_time(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the time of the greatest sample of each window."""
    last_extremes(1.0, timestamps, values, low, high, places, out, present)


@kernel(ROW)
def min_time(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the time of the smallest sample of each window."""
    last_extremes(-1.0, timestamps, values, low, high, places, out, present)


first_time_windows = window_kernel(first_time)
last_time_windows = window_kernel(last_time)
max_time_windows = window_kernel(max_time)
min_time_windows = window_kernel(min_time)
