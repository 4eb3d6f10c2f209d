"""The row function of mad_over_time: the median of the distances to the median.

Any NaN in a window makes the answer NaN. Source: Prometheus 3.14, promql/functions.go, funcMadOverTime.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.quantiles import interpolate_sorted
from promontory.kernels.windows import ROW, window_kernel

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]


@kernel("void(float64[::1], int64)")
def sort_in_place(values: Floats, count: int) -> None:
    """Put values[:count] in order: NaN first, then rising."""
    unknown = 0
    for i in range(count):
        if math.isnan(values[i]):
            moved = values[unknown]
            values[unknown] = values[i]
            values[i] = moved
            unknown += 1
    values[unknown:count].sort()


@kernel("float64(float64[::1], int64, int64, float64[::1])")
def deviation_of(values: Floats, low: int, high: int, ordered: Floats) -> float:
    """Return the median absolute deviation of values[low:high]; ordered: float64[high - low] or more, scratch."""
    count = high - low
    for i in range(count):
        if math.isnan(values[low + i]):
            return math.nan
        ordered[i] = values[low + i]
    sort_in_place(ordered, count)
    median = interpolate_sorted(0.5, ordered, count)
    for i in range(count):
        ordered[i] = abs(ordered[i] - median)
    sort_in_place(ordered, count)
    return interpolate_sorted(0.5, ordered, count)


@kernel(ROW)
def absolute_deviation(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the median absolute deviation of each window."""
    for j in range(len(out)):
        if high[j] > low[j]:
            out[j] = deviation_of(values, low[j], high[j], ordered)
            present[j] = True


mad_windows = window_kernel(absolute_deviation)
