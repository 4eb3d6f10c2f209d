"""Row functions of the `*_over_time` family.

Sums are compensated and walk each window, unless all of a row are whole numbers; extremes and quantiles go along with
the windows.

Source: Prometheus 3.14, promql/functions.go.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.extremes import slide_extremes
from promontory.kernels.neumaier import add_compensated
from promontory.kernels.sliding_quantiles import slide_quantiles
from promontory.kernels.whole_sums import sum_whole, whole_sum
from promontory.kernels.windows import ROW, window_kernel

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]


@kernel("float64(float64[::1], int64, int64)")
def sum_of(values: Floats, low: int, high: int) -> float:
    """Return the compensated sum of values[low:high]."""
    total = 0.0
    lost = 0.0
    for i in range(low, high):
        total, lost = add_compensated(values[i], total, lost)
    return total if math.isinf(total) else total + lost


@kernel("float64(float64[::1], int64, int64)")
def mean_of(values: Floats, low: int, high: int) -> float:
    """Return the mean of values[low:high]: sum over count, or a running mean from where the sum would overflow."""
    total = values[low]
    lost = 0.0
    mean = 0.0
    running = False
    count = 1.0
    for i in range(low + 1, high):
        count += 1.0
        if not running:
            raised, raised_lost = add_compensated(values[i], total, lost)
            if not math.isinf(raised):
                total = raised
                lost = raised_lost
                continue
            running = True
            mean = total / (count - 1.0)
            lost /= count - 1.0
        weight = (count - 1.0) / count
        mean, lost = add_compensated(values[i] / count, weight * mean, weight * lost)
    return mean + lost if running else total / count + lost / count


@kernel("float64(float64[::1], int64, int64)")
def variance_of(values: Floats, low: int, high: int) -> float:
    """Return the population variance of values[low:high] (Welford, both accumulators compensated)."""
    count = 0.0
    mean = 0.0
    mean_lost = 0.0
    squares = 0.0
    squares_lost = 0.0
    for i in range(low, high):
        count += 1.0
        distance = values[i] - (mean + mean_lost)
        mean, mean_lost = add_compensated(distance / count, mean, mean_lost)
        term = distance * (values[i] - (mean + mean_lost))
        squares, squares_lost = add_compensated(term, squares, squares_lost)
    return (squares + squares_lost) / count


@kernel(ROW)
def count(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate how many samples each window holds."""
    for j in range(len(out)):
        if high[j] > low[j]:
            out[j] = high[j] - low[j]
            present[j] = True


@kernel(ROW)
def present_once(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate 1 where a window holds a sample."""
    for j in range(len(out)):
        if high[j] > low[j]:
            out[j] = 1.0
            present[j] = True


@kernel(ROW)
def last(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the newest sample of each window."""
    for j in range(len(out)):
        if high[j] > low[j]:
            out[j] = values[high[j] - 1]
            present[j] = True


@kernel(ROW)
def first(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the oldest sample of each window."""
    for j in range(len(out)):
        if high[j] > low[j]:
            out[j] = values[low[j]]
            present[j] = True


@kernel(ROW)
def total(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the compensated sum of each window."""
    whole = sum_whole(values, start, end, low, high, places)
    for j in range(len(out)):
        if high[j] > low[j]:
            if whole:
                out[j] = whole_sum(values, start, places, low[j], high[j])
            else:
                out[j] = sum_of(values, low[j], high[j])
            present[j] = True


@kernel(ROW)
def average(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the mean of each window."""
    whole = sum_whole(values, start, end, low, high, places)
    for j in range(len(out)):
        if high[j] > low[j]:
            if whole:
                out[j] = whole_sum(values, start, places, low[j], high[j]) / (high[j] - low[j])
            else:
                out[j] = mean_of(values, low[j], high[j])
            present[j] = True


@kernel(ROW)
def deviation(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the population standard deviation of each window."""
    for j in range(len(out)):
        if high[j] > low[j]:
            out[j] = math.sqrt(variance_of(values, low[j], high[j]))
            present[j] = True


@kernel(ROW)
def variance(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the population variance of each window."""
    for j in range(len(out)):
        if high[j] > low[j]:
            out[j] = variance_of(values, low[j], high[j])
            present[j] = True


@kernel(ROW)
def minimum(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the smallest value of each window."""
    slide_extremes(-1.0, values, low, high, places, ordered, out, present)


@kernel(ROW)
def maximum(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the greatest value of each window."""
    slide_extremes(1.0, values, low, high, places, ordered, out, present)


@kernel(ROW)
def quantile(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the quantile `parameter` of each window."""
    slide_quantiles(values, low, high, parameter, ordered, out, present)


count_windows = window_kernel(count)
present_windows = window_kernel(present_once)
last_windows = window_kernel(last)
first_windows = window_kernel(first)
sum_windows = window_kernel(total)
avg_windows = window_kernel(average)
stddev_windows = window_kernel(deviation)
stdvar_windows = window_kernel(variance)
min_windows = window_kernel(minimum)
max_windows = window_kernel(maximum)
quantile_windows = window_kernel(quantile)
