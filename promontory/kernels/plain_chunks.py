"""Chunks that need no lanes: raw, of floats, of one source and one after the other in each series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Bytes = NDArray[np.uint8]
Codes = NDArray[np.int32]
Times = NDArray[np.int64]
Offsets = NDArray[np.int64]


@kernel("int64(int32[::1], int64[::1], int64[::1], uint8[::1], uint8[::1], int32[::1], uint8, uint8, int64[::1])")
def find_plain_rows(
    row: Codes, min_ms: Times, max_ms: Times, aggregate: Bytes, encoding: Bytes, source: Codes,
    raw: int, xor: int, first: Offsets,
) -> int:  # fmt: skip
    """Say (1 or 0) whether all chunks are plain; if so `first`, int64[n + 1], is where the chunks of each row begin.

    row, source: int32[c] · min_ms, max_ms: int64[c] · aggregate, encoding: uint8[c], which are to be `raw` and `xor`
    """
    rows = 0
    for chunk in range(len(row)):
        if aggregate[chunk] != raw or encoding[chunk] != xor:
            return 0
        while rows <= row[chunk]:
            first[rows] = chunk
            rows += 1
        goes_on = chunk > 0 and row[chunk] == row[chunk - 1]
        if goes_on and (source[chunk] != source[chunk - 1] or min_ms[chunk] <= max_ms[chunk - 1]):
            return 0
    while rows < len(first):
        first[rows] = len(row)
        rows += 1
    return 1
