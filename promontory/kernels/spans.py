"""Copying spans of a CSR column: the buckets of chosen histograms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Longs = NDArray[np.int64]
Keys = NDArray[np.int32]
Floats = NDArray[np.float64]


@kernel("void(int64[::1], int32[::1], float64[::1], int64[::1], int64[::1], int32[::1], float64[::1])")
def take_spans(
    start: Longs, key: Keys, count: Floats, index: Longs, out_start: Longs, out_key: Keys, out_count: Floats
) -> None:
    """Copy the spans of the rows at `index`, in that order; out_start: int64[len(index) + 1] is theirs already."""
    for place in range(len(index)):
        source = start[index[place]]
        target = out_start[place]
        for offset in range(out_start[place + 1] - target):
            out_key[target + offset] = key[source + offset]
            out_count[target + offset] = count[source + offset]
