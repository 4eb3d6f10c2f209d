"""Row functions that fit a line: deriv and predict_linear.

Least squares with compensated sums; x is counted from the first sample (deriv) or from the evaluation time
(predict_linear), so that large timestamps cost no digits. A constant series has slope 0.

Source: Prometheus 3.14, promql/functions.go, linearRegression.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.neumaier import add_compensated
from promontory.kernels.windows import ROW, window_kernel

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]


@kernel("UniTuple(float64, 2)(int64[::1], float64[::1], int64, int64, int64)")
def fit_line(timestamps: Longs, values: Floats, low: int, high: int, origin_ms: int) -> tuple[float, float]:
    """Return (slope a second, value at origin_ms) of the line through the samples low .. high."""
    sum_x = lost_x = sum_y = lost_y = 0.0
    sum_xy = lost_xy = sum_xx = lost_xx = 0.0
    constant = True
    for i in range(low, high):
        constant = constant and values[i] == values[low]
        x = (timestamps[i] - origin_ms) / 1000.0
        sum_x, lost_x = add_compensated(x, sum_x, lost_x)
        sum_y, lost_y = add_compensated(values[i], sum_y, lost_y)
        sum_xy, lost_xy = add_compensated(x * values[i], sum_xy, lost_xy)
        sum_xx, lost_xx = add_compensated(x * x, sum_xx, lost_xx)
    if constant:
        return (math.nan, math.nan) if math.isinf(values[low]) else (0.0, values[low])
    count = float(high - low)
    sum_x += lost_x
    sum_y += lost_y
    covariance = (sum_xy + lost_xy) - sum_x * sum_y / count
    spread = (sum_xx + lost_xx) - sum_x * sum_x / count
    slope = covariance / spread
    return slope, sum_y / count - slope * sum_x / count


@kernel(ROW)
def deriv(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the slope a second of each window with two samples or more."""
    for j in range(len(out)):
        if high[j] - low[j] >= 2:
            slope, _ = fit_line(timestamps, values, low[j], high[j], timestamps[low[j]])
            out[j] = slope
            present[j] = True


@kernel(ROW)
def predict_linear(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Evaluate the line of each window `parameter` seconds after the evaluation time."""
    for j in range(len(out)):
        if high[j] - low[j] >= 2:
            slope, now = fit_line(timestamps, values, low[j], high[j], at_ms[j])
            out[j] = slope * parameter[j] + now
            present[j] = True


deriv_windows = window_kernel(deriv)
predict_linear_windows = window_kernel(predict_linear)
