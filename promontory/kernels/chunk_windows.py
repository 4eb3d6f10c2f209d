"""Chunks of many blocks, read in windows of rows: which ones, and which byte ranges hold them.

    chunks lie block by block       block 0: row 0 0 1 2 2 3 …      block 1: row 0 1 2 3 …
    a window is a range of rows     one run of each block's chunks, by binary search
    ranges                          runs of records of one segment of one block that lie close together

A chunk's ref is segment << 32 | offset of its record. Source: prometheus tsdb/docs/format/index.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Codes = NDArray[np.int32]

SEGMENT_SHIFT = 32
OFFSET_MASK = (1 << SEGMENT_SHIFT) - 1


@kernel(
    "int64(int64, int64, int64, int32[::1], int32[::1], uint32[::1], int64[::1],"
    " int32[::1], int32[::1], int32[::1], int64[::1], int64[::1])"
)
def describe_chunks(
    number: int, first: int, record_bytes: int, rows: Codes, source: Codes, series_ref: NDArray[np.uint32],
    ref: Offsets, row: Codes, block_out: Codes, source_out: Codes, series_out: Offsets, size: Offsets,
) -> int:  # fmt: skip
    """Say of the chunks of one block what their series say, and how many bytes hold each record.

    rows int32[n], rising, source int32[n], series_ref uint32[n]: of the series; `first` counts as row 0 ·
    ref int64[c] · row int32[c]: the series of each chunk in, its merged row out · block_out, source_out int32[c],
    series_out, size int64[c]: out. A record ends where the next begins, or after `record_bytes`; returns 0 where the
    refs are out of order, which leaves the sizes to be found another way.
    """
    count = len(ref)
    rising = 1
    for chunk in range(count):
        series = row[chunk]
        row[chunk] = rows[series] - first
        block_out[chunk] = number
        source_out[chunk] = source[series]
        series_out[chunk] = series_ref[series]
        size[chunk] = record_bytes
        if chunk + 1 < count:
            step = ref[chunk + 1] - ref[chunk]
            if step < 0:
                rising = 0
            if 0 < step < record_bytes:
                size[chunk] = step
    return rising


@kernel("int64(int32[::1], int64, int64, int64)")
def find_row(row: Codes, begin: int, end: int, wanted: int) -> int:
    """Return the first place in row[begin:end], which rises, that is not below `wanted`."""
    while begin < end:
        middle = (begin + end) // 2
        if row[middle] < wanted:
            begin = middle + 1
        else:
            end = middle
    return begin


@kernel("int64(int64[::1], int32[::1], uint8[::1], int64, int64, int64[::1])")
def choose_chunks(block_start: Offsets, row: Codes, alive: Bytes, low: int, high: int, chosen: Offsets) -> int:
    """Write the chunks of the rows [low, high), block by block; return how many there are.

    block_start: int64[b + 1], the chunks of each block, by row · alive: uint8[b], 0 for a block that is passed over ·
    chosen: int64[c], room for all of them
    """
    count = 0
    for number in range(len(block_start) - 1):
        if alive[number] == 0:
            continue
        first = find_row(row, block_start[number], block_start[number + 1], low)
        last = find_row(row, first, block_start[number + 1], high)
        for chunk in range(first, last):
            chosen[count] = chunk
            count += 1
    return count


@kernel("int64(int32[::1], int64[::1], int64[::1], int64, int64[::1], int64[:, ::1])")
def join_spans(block: Codes, ref: Offsets, size: Offsets, gap_bytes: int, part: Offsets, ranges: Offsets) -> int:
    """Find the ranges that cover the records, joined over small gaps; return how many, or -1.

    The records are by block and then by ref, -1 says they are not; each is thought to fit in `size` bytes ·
    part: int64[c], the range of each · ranges: int64[c, 4] = block, segment, start, end
    """
    count = 0
    for chunk in range(len(ref)):
        segment = ref[chunk] >> SEGMENT_SHIFT
        start = ref[chunk] & OFFSET_MASK
        end = start + size[chunk]
        if chunk > 0 and block[chunk] == block[chunk - 1] and ref[chunk] < ref[chunk - 1]:
            return -1
        last = count - 1
        joins = chunk > 0 and ranges[last, 0] == block[chunk] and ranges[last, 1] == segment
        if joins and start <= ranges[last, 3] + gap_bytes:
            ranges[last, 3] = max(ranges[last, 3], end)
        else:
            ranges[count, 0] = block[chunk]
            ranges[count, 1] = segment
            ranges[count, 2] = start
            ranges[count, 3] = end
            count += 1
        part[chunk] = count - 1
    return count


@kernel("void(int32[::1], int64[::1], int64, int64[::1], int64[::1])")
def order_by_row(row: Codes, chosen: Offsets, first: int, place: Offsets, order: Offsets) -> None:
    """Write the places in `chosen` by row, stably: one pass counts, one puts them there.

    row: int32[n], of all chunks · chosen: int64[c], those of the rows from `first` on · place: int64[rows + 1], zeros;
    afterwards where each row ends · order: int64[c]
    """
    for chunk in range(len(chosen)):
        place[row[chosen[chunk]] - first + 1] += 1
    for number in range(1, len(place)):
        place[number] += place[number - 1]
    for chunk in range(len(chosen)):
        number = row[chosen[chunk]] - first
        order[place[number]] = chunk
        place[number] += 1
