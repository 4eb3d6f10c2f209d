"""Rows that lie one behind the other: where each begins, from how long it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def find_starts(counts: NDArray[np.integer] | NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return int64[n + 1]: where each of n rows begins, and the end; of bool[n], how many are set before each place."""
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts
