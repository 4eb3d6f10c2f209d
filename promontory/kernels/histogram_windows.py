"""Windows over samples that are histograms: which samples they hold, and what a rate of histograms needs.

A window is a span [low, high) of samples, as in kernels/windows.py; here the spans are written down, because what is
computed over them are lists of histograms (kernels/histogram_sums.py) and not numbers.

Source: Prometheus 3.14, promql/functions.go, extrapolatedRate and histogramRate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.extrapolation import extrapolate
from promontory.kernels.windows import find_ends

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Octets = NDArray[np.uint8]


@kernel("int64(int64[::1], int64[::1], int64, int64, int64, uint8[::1], int64[:, ::1], int64[:, ::1])")
def find_windows(
    row_start: Longs, timestamps: Longs, first_ms: int, step_ms: int, range_ms: int, stop: Octets,
    low: Longs, high: Longs,
) -> int:  # fmt: skip
    """Write the samples [low, high) of each window: int64[n, k]; return how many rows were done before `stop` was set.

    Window j of a row ends at first_ms + j * step_ms, is open on the left and closed on the right.
    """
    for row in range(len(row_start) - 1):
        if stop[0] != 0:
            return row
        find_ends(timestamps, row_start[row], row_start[row + 1], first_ms - range_ms, step_ms, low[row])
        find_ends(timestamps, row_start[row], row_start[row + 1], first_ms, step_ms, high[row])
    return len(row_start) - 1


@kernel("int64(int8[::1], int64[::1], int64[::1], uint8[::1], int8[::1])")
def least_schemas(schema: NDArray[np.int8], low: Longs, high: Longs, stop: Octets, out: NDArray[np.int8]) -> int:
    """Write the least schema of the samples [low, high) of each window; return how many were done.

    schema int8[m], of the samples; a window holds one at least.
    """
    for place in range(len(low)):
        if stop[0] != 0:
            return place
        least = schema[low[place]]
        for sample in range(low[place] + 1, high[place]):
            least = min(least, schema[sample])
        out[place] = least
    return len(low)


@kernel(
    "void(float64[::1], float64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64, int64, float64,"
    " float64[::1])"
)
def growth_factors(
    increase: Floats, first_count: Floats, first_ms: Longs, last_ms: Longs, gaps: Longs, end_ms: Longs,
    range_ms: int, counter: int, divisor: float, out: Floats,
) -> None:  # fmt: skip
    """Write by what the increase of each list grows to fill its window, divided by `divisor`.

    increase, first_count: observations in the increase and in the first sample · gaps: samples less one
    """
    for place in range(len(out)):
        factor = extrapolate(
            increase[place], first_count[place], first_ms[place], last_ms[place], gaps[place],
            end_ms[place] - range_ms, end_ms[place], counter,
        )  # fmt: skip
        out[place] = factor / divisor
