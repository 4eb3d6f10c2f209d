"""limitk and limit_ratio: rows chosen by their place, or by the hash of their labels.

The hash of a row is xxHash64 over its labels in order, name before value, each string after its length: one byte
below 255, else 0xFF and three bytes, little-endian.

Source: Prometheus 3.14, promql/engine.go, aggregationK and HashRatioSampler; model/labels/labels_stringlabels.go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.copy import copy_bytes
from promontory.kernels.xxhash import hash_xxh64

Longs = NDArray[np.int64]
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]
Octets = NDArray[np.uint8]

# The longest length prefix.
PREFIX_BYTES = 4


@kernel("int64(boolean[:, ::1], int32[::1], int64[::1], uint8[::1], int64[:, ::1], boolean[:, ::1])")
def choose_first(present: Flags, group: Codes, wanted: Longs, stop: Octets, taken: Longs, chosen: Flags) -> int:
    """Mark the first wanted[j] rows of each group that are present at a time; return the rows done before `stop`.

    taken: int64[g, k], zero on entry · chosen: bool[n, k], False on entry
    """
    for row in range(present.shape[0]):
        if stop[0] != 0:
            return row
        into = group[row]
        for j in range(present.shape[1]):
            if present[row, j] and taken[into, j] < wanted[j]:
                taken[into, j] += 1
                chosen[row, j] = True
    return len(present)


@kernel("int64(int64[::1], int32[::1], int32[::1], int64[::1])")
def measure_prefixed(row_start: Longs, name: Codes, value: Codes, start: Longs) -> int:
    """Return the bytes that the longest row takes at most when written with lengths."""
    longest = 0
    for row in range(len(row_start) - 1):
        size = 0
        for pair in range(row_start[row], row_start[row + 1]):
            size += start[name[pair] + 1] - start[name[pair]] + PREFIX_BYTES
            size += start[value[pair] + 1] - start[value[pair]] + PREFIX_BYTES
        longest = max(longest, size)
    return longest


@kernel("int64(uint8[::1], int64, octets, int64, int64)")
def write_prefixed(out: Octets, place: int, blob: Octets, first: int, last: int) -> int:
    """Write the length of blob[first:last] and its bytes; return the place behind them."""
    length = last - first
    if length < 255:
        out[place] = length
        place += 1
    else:
        out[place] = 255
        out[place + 1] = length & 255
        out[place + 2] = (length >> 8) & 255
        out[place + 3] = (length >> 16) & 255
        place += PREFIX_BYTES
    copy_bytes(out, place, blob, first, length)
    return place + length


@kernel("void(int64[::1], int32[::1], int32[::1], octets, int64[::1], uint8[::1], uint64[::1])")
def hash_prefixed(
    row_start: Longs, name: Codes, value: Codes, blob: Octets, start: Longs, scratch: Octets, hashes: NDArray[np.uint64]
) -> None:
    """Fill uint64[n] with the hash of each row; scratch: uint8[measure_prefixed(...)]."""
    for row in range(len(row_start) - 1):
        size = 0
        for pair in range(row_start[row], row_start[row + 1]):
            size = write_prefixed(scratch, size, blob, start[name[pair]], start[name[pair] + 1])
            size = write_prefixed(scratch, size, blob, start[value[pair]], start[value[pair] + 1])
        hashes[row] = hash_xxh64(scratch, 0, size)
