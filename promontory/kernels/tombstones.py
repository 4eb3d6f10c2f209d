"""Tombstones in kernels: reading the entries of a file, and taking deleted samples out of decoded chunks.

Source: prometheus tsdb/docs/format/tombstones.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.varint import read_uvarint, read_varint

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]

COVER_NONE, COVER_PART, COVER_ALL = 0, 1, 2


@kernel("UniTuple(int64, 2)(octets, int64, int64, int64[:, ::1])")
def read_tombstones(data: Bytes, position: int, end: int, columns: Offsets) -> tuple[int, int]:
    """Write series ref, min and max of each entry; return (entries, -1 or the position where they are broken).

    columns: int64[3, room].
    """
    count = 0
    while position < end:
        begin = position
        ref, position = read_uvarint(data, begin, end)
        low = 0
        high = 0
        if position >= 0:
            low, position = read_varint(data, position, end)
        if position >= 0:
            high, position = read_varint(data, position, end)
        if position < 0 or ref < 0 or high < low:
            return count, begin
        columns[0, count] = ref
        columns[1, count] = low
        columns[2, count] = high
        count += 1
    return count, -1


@kernel("int64(int64[:, ::1], int64)")
def find_first(deleted: Offsets, ref: int) -> int:
    """Return the place of the first interval of a series, or of one after it."""
    low = 0
    high = deleted.shape[1]
    while low < high:
        middle = (low + high) // 2
        if deleted[0, middle] < ref:
            low = middle + 1
        else:
            high = middle
    return low


@kernel("void(int64[::1], int64[::1], int64[::1], int64[:, ::1], uint8[::1])")
def cover_chunks(ref: Offsets, min_ms: Offsets, max_ms: Offsets, deleted: Offsets, cover: Bytes) -> None:
    """Say how much of each chunk is deleted by any one interval: COVER_NONE, COVER_PART or COVER_ALL.

    ref, min_ms, max_ms: int64[c], ref of the chunk's series · deleted: int64[3, k] = ref, min, max, ordered by ref.
    """
    for chunk in range(len(ref)):
        cover[chunk] = COVER_NONE
        place = find_first(deleted, ref[chunk])
        while place < deleted.shape[1] and deleted[0, place] == ref[chunk]:
            if deleted[1, place] <= min_ms[chunk] and deleted[2, place] >= max_ms[chunk]:
                cover[chunk] = COVER_ALL
                break
            if deleted[1, place] <= max_ms[chunk] and deleted[2, place] >= min_ms[chunk]:
                cover[chunk] = COVER_PART
            place += 1


@kernel("void(int64[::1], int64[::1], int64[::1], int64[:, ::1], uint8[::1])")
def keep_samples(ref: Offsets, chunk_start: Offsets, timestamps_ms: Offsets, deleted: Offsets, keep: Bytes) -> None:
    """Mark the samples that no interval deletes; chunk_start int64[c + 1] cuts timestamps_ms and keep."""
    for chunk in range(len(ref)):
        first = find_first(deleted, ref[chunk])
        for sample in range(chunk_start[chunk], chunk_start[chunk + 1]):
            keep[sample] = 1
            place = first
            while place < deleted.shape[1] and deleted[0, place] == ref[chunk]:
                if deleted[1, place] <= timestamps_ms[sample] and timestamps_ms[sample] <= deleted[2, place]:
                    keep[sample] = 0
                    break
                place += 1
