"""The newest info series of each group at each time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


@kernel("int64(float64[:, ::1], boolean[:, ::1], int32[::1], int32[::1], int32, int64[:, ::1], int64[::1])")
def find_newest_info(
    sampled: Floats, present: NDArray[np.bool_], group: NDArray[np.int32], metric: NDArray[np.int32], wanted: int,
    newest: Longs, equal: Longs,
) -> int:  # fmt: skip
    """Fill newest[g, k], -1 on entry, with the row of the wanted metric that was sampled last.

    Returns 1 where a row was sampled at the time of the newest before it, and sets `equal` int64[3] to (time index,
    the newest, that row), the earliest time first; else 0.
    """
    found = 0
    for row in range(sampled.shape[0]):
        if metric[row] != wanted:
            continue
        into = group[row]
        for j in range(sampled.shape[1]):
            if not present[row, j]:
                continue
            before = newest[into, j]
            if before < 0 or sampled[before, j] < sampled[row, j]:
                newest[into, j] = row
            elif sampled[before, j] == sampled[row, j] and (found == 0 or j < equal[0]):
                found = 1
                equal[0] = j
                equal[1] = before
                equal[2] = row
    return found
