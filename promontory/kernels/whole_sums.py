"""Sums of whole numbers, which need no compensation: a window costs one subtraction however many samples it holds.

    prefix[i] = values[start] + … + values[i]          int64

Where the sums of all windows stay below 2^53, adding floats one by one loses nothing: the compensated sum has the same
digits. Counters are whole numbers more often than not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.counter_resets import EXACT, are_whole

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]

# No prefix reaches beyond this: half of an int64.
MOST_PREFIX = 4.0e18


@kernel("boolean(float64[::1], int64, int64, int64[::1], int64[::1], int64[::1])")
def sum_whole(values: Floats, start: int, end: int, low: Longs, high: Longs, prefix: Longs) -> bool:
    """Write the row's prefix sums to prefix[: end - start] where windows overlap and their sums are exact.

    Return whether it did.
    """
    visits = 0
    most = 1
    for j in range(len(low)):
        visits += high[j] - low[j]
        most = max(most, high[j] - low[j])
    if visits < 2 * (end - start):
        return False
    limit = min(np.floor(EXACT / most), np.floor(MOST_PREFIX / (end - start)))
    if not are_whole(values, start, end, limit):
        return False
    total = 0
    for i in range(start, end):
        total += int(values[i])
        prefix[i - start] = total
    return True


@kernel("float64(float64[::1], int64, int64[::1], int64, int64)")
def whole_sum(values: Floats, start: int, prefix: Longs, low: int, high: int) -> float:
    """Return the sum of values[low:high]; there is one at least."""
    total: float = prefix[high - 1 - start] - prefix[low - start] + values[low]
    return total
