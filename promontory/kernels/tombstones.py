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


@kernel("boolean(int64, int64)")
def touches(low: int, high_before: int) -> bool:
    """Say whether an interval begins within one that began no later, or right after it."""
    return low <= high_before or low - 1 == high_before


@kernel("int64(int64[:, ::1])")
def unite_intervals(columns: Offsets) -> int:
    """Unite the intervals of a series that overlap or touch, in place; return how many are left.

    columns: int64[3, k] = ref, min, max, ordered by ref and min
    """
    count = 0
    for place in range(columns.shape[1]):
        ref, low, high = columns[0, place], columns[1, place], columns[2, place]
        if count > 0 and columns[0, count - 1] == ref and touches(low, columns[2, count - 1]):
            columns[2, count - 1] = max(columns[2, count - 1], high)
            continue
        columns[0, count], columns[1, count], columns[2, count] = ref, low, high
        count += 1
    return count


@kernel("int64(int64[:, ::1], int64, int64)")
def find_interval(deleted: Offsets, ref: int, time_ms: int) -> int:
    """Return the place of a series' first interval that does not end before a time, or of one of a later series."""
    low = 0
    high = deleted.shape[1]
    while low < high:
        middle = (low + high) // 2
        if deleted[0, middle] < ref or (deleted[0, middle] == ref and deleted[2, middle] < time_ms):
            low = middle + 1
        else:
            high = middle
    return low


@kernel("void(int64[::1], int64[::1], int64[::1], int64[:, ::1], uint8[::1])")
def cover_chunks(ref: Offsets, min_ms: Offsets, max_ms: Offsets, deleted: Offsets, cover: Bytes) -> None:
    """Say how much of each chunk is deleted: COVER_NONE, COVER_PART or COVER_ALL.

    ref, min_ms, max_ms: int64[c], ref of the chunk's series · deleted: int64[3, k] = ref, min, max, united.
    """
    for chunk in range(len(ref)):
        cover[chunk] = COVER_NONE
        place = find_interval(deleted, ref[chunk], min_ms[chunk])
        if place < deleted.shape[1] and deleted[0, place] == ref[chunk] and deleted[1, place] <= max_ms[chunk]:
            whole = deleted[1, place] <= min_ms[chunk] and deleted[2, place] >= max_ms[chunk]
            cover[chunk] = COVER_ALL if whole else COVER_PART


@kernel("void(int64[::1], int64[::1], int64[::1], int64[:, ::1], uint8[::1])")
def keep_samples(ref: Offsets, chunk_start: Offsets, timestamps_ms: Offsets, deleted: Offsets, keep: Bytes) -> None:
    """Mark the samples that no interval deletes; chunk_start int64[c + 1] cuts timestamps_ms and keep.

    Times do not fall within a chunk · deleted: int64[3, k], united
    """
    for chunk in range(len(ref)):
        if chunk_start[chunk] == chunk_start[chunk + 1]:
            continue
        place = find_interval(deleted, ref[chunk], timestamps_ms[chunk_start[chunk]])
        for sample in range(chunk_start[chunk], chunk_start[chunk + 1]):
            time_ms = timestamps_ms[sample]
            while place < deleted.shape[1] and deleted[0, place] == ref[chunk] and deleted[2, place] < time_ms:
                place += 1
            inside = place < deleted.shape[1] and deleted[0, place] == ref[chunk] and deleted[1, place] <= time_ms
            keep[sample] = 0 if inside else 1
