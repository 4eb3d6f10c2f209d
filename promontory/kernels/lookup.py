"""Instant lookup: the newest sample of a series at each time.

The sample at time t is the newest with `t - lookback < timestamp <= t`. A stale marker there means that the series
is absent, even where an older sample would be near enough.

Source: Prometheus 3.14, promql/engine.go, vectorSelectorSingle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64
from promontory.kernels.windows import STALE_BITS, find_ends

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@kernel(
    "int64(int64[::1], int64[::1], float64[::1], uint64[::1], int64, int64, int64, int64, uint8[::1], int64[::1],"
    " float64[:, ::1], boolean[:, ::1])"
)
def lookup_samples(
    row_start: Longs, timestamps: Longs, values: Floats, bits: NDArray[np.uint64],
    first_ms: int, step_ms: int, lookback_ms: int, times: int,
    stop: NDArray[np.uint8], ends: Longs, out: Floats, present: Flags,
) -> int:  # fmt: skip
    """Evaluate each row at the times first_ms + j * step_ms; return how many rows were done before `stop` was set.

    bits: `values` seen as uint64 · times: 1 gives the sample's own time in seconds instead of its value ·
    ends: int64[k] scratch · out, present: [n, k], present False on entry
    """
    stale = wrap64(STALE_BITS)
    for row in range(len(row_start) - 1):
        if stop[0] != 0:
            return row
        start = row_start[row]
        find_ends(timestamps, start, row_start[row + 1], first_ms, step_ms, ends)
        shown, found = out[row], present[row]
        oldest_ms = first_ms - lookback_ms
        for j in range(len(ends)):
            newest = wrap64(ends[j] - 1)
            if ends[j] > start and timestamps[newest] > oldest_ms and bits[newest] != stale:
                shown[j] = timestamps[newest] / 1000.0 if times else values[newest]
                found[j] = True
            oldest_ms += step_ms
    return len(row_start) - 1


@kernel("int64(int64[::1], int64[::1], int64, int64, int64, uint8[::1], int64[::1], int64[:, ::1])")
def find_newest(
    row_start: Longs, timestamps: Longs, first_ms: int, step_ms: int, lookback_ms: int,
    stop: NDArray[np.uint8], ends: Longs, out: Longs,
) -> int:  # fmt: skip
    """Write which sample each row shows at each time, stale markers too; return how many rows were done.

    ends: int64[k] scratch · out: int64[n, k], -1 on entry: left so where no sample is near enough
    """
    for row in range(len(row_start) - 1):
        if stop[0] != 0:
            return row
        start = row_start[row]
        find_ends(timestamps, start, row_start[row + 1], first_ms, step_ms, ends)
        for j in range(len(ends)):
            newest = ends[j] - 1
            if newest >= start and timestamps[newest] > first_ms + j * step_ms - lookback_ms:
                out[row, j] = newest
    return len(row_start) - 1
