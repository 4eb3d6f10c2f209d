"""double_exponential_smoothing: the newest smoothed value of each window.

    level  = smoothing * value + (1 - smoothing) * (level + slope)
    slope  = trend * (level - level before) + (1 - trend) * slope

`parameters` float64[2 k] holds the smoothing factor of each time, then the trend factor of each; so this has a walk
of its own, of the shape of all window kernels. Where a factor is not between 0 and 1, every window with a sample is
marked present, for the caller to refuse.

Source: Prometheus 3.14, promql/functions.go, funcDoubleExponentialSmoothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.windows import find_ends

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


@kernel("float64(float64[::1], int64, int64, float64, float64)")
def smooth(values: Floats, low: int, high: int, smoothing: float, trend: float) -> float:
    """Return the last smoothed value of values[low:high], two samples or more."""
    before = 0.0
    level: float = values[low]
    slope = values[low + 1] - values[low]
    for i in range(low + 1, high):
        if i > low + 1:
            slope = trend * (level - before) + (1.0 - trend) * slope
        smoothed = smoothing * values[i] + (1.0 - smoothing) * (level + slope)
        before = level
        level = smoothed
    return level


@kernel(
    "int64(int64[::1], int64[::1], float64[::1], int64, int64, int64, int64, int64[::1], float64[::1], uint8[::1],"
    " int64[::1], int64[::1], float64[::1], float64[:, ::1], boolean[:, ::1])"
)
def smoothing_windows(
    row_start: Longs, timestamps: Longs, values: Floats,
    first_ms: int, step_ms: int, range_ms: int, shift: int, at_ms: Longs, parameters: Floats,
    stop: NDArray[np.uint8], ends: Longs, places: Longs, ordered: Floats,
    out: Floats, present: NDArray[np.bool_],
) -> int:  # fmt: skip
    """Evaluate each row; return how many rows were done before `stop` was set. Arguments as in windows.py."""
    count = out.shape[1]
    for row in range(len(row_start) - 1):
        low = ends[:count]
        high = ends[count:]
        if shift >= 0:
            high = ends[shift:]
            find_ends(timestamps, row_start[row], row_start[row + 1], first_ms - range_ms, step_ms, ends)
        else:
            find_ends(timestamps, row_start[row], row_start[row + 1], first_ms - range_ms, step_ms, low)
            find_ends(timestamps, row_start[row], row_start[row + 1], first_ms, step_ms, high)
        for j in range(count):
            if stop[0] != 0:
                return row
            smoothing = parameters[j]
            trend = parameters[count + j]
            if smoothing <= 0.0 or smoothing >= 1.0 or trend <= 0.0 or trend >= 1.0:
                present[row, j] = high[j] > low[j]
                out[row, j] = 0.0
            elif high[j] - low[j] >= 2:
                out[row, j] = smooth(values, low[j], high[j], smoothing, trend)
                present[row, j] = True
    return len(row_start) - 1
