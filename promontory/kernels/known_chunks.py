"""The chunks of series that are known: which are in a time range, where they are read, and what was read of them.

    choose_chunks   times, refs, sizes  ->  the chunks of a range, and the byte ranges that cover their records
    take_records    bytes               ->  columns of a Frame, if all records are good and of one encoding

Each does in one call what costs a small query more as twenty calls of array functions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.chunk_records import RECORD_GOOD, check_record
from promontory.kernels.chunk_windows import OFFSET_MASK, SEGMENT_SHIFT
from promontory.kernels.compile import kernel

Bytes = NDArray[np.uint8]
Codes = NDArray[np.int32]
Offsets = NDArray[np.int64]

TOO_MANY = -1
CRC_BYTES = 4


@kernel(
    "UniTuple(int64, 2)(int64[::1], int64[::1], int64[::1], int64[::1], int64, int64, int64, int64[::1], int64[::1],"
    " int64[:, ::1])"
)
def choose_chunks(
    min_ms: Offsets, max_ms: Offsets, ref: Offsets, size: Offsets, low_ms: int, high_ms: int, gap_bytes: int,
    chosen: Offsets, part: Offsets, ranges: Offsets,
) -> tuple[int, int]:  # fmt: skip
    """Write the chunks that overlap [low_ms, high_ms], the range of each, and the ranges, joined over small gaps.

    Returns (how many chunks, how many ranges); TOO_MANY chunks where there is no room for them. Refs rise ·
    chosen, part: int64[room] · ranges: int64[room, 3] = segment, start, end
    """
    count = 0
    parts = 0
    for chunk in range(len(ref)):
        if min_ms[chunk] > high_ms or max_ms[chunk] < low_ms:
            continue
        if count == len(chosen):
            return TOO_MANY, 0
        segment = ref[chunk] >> SEGMENT_SHIFT
        start = ref[chunk] & OFFSET_MASK
        end = start + size[chunk]
        joins = parts > 0 and ranges[parts - 1, 0] == segment and start <= ranges[parts - 1, 2] + gap_bytes
        if joins:
            ranges[parts - 1, 2] = max(ranges[parts - 1, 2], end)
        else:
            ranges[parts, 0] = segment
            ranges[parts, 1] = start
            ranges[parts, 2] = end
            parts += 1
        chosen[count] = chunk
        part[count] = parts - 1
        count += 1
    return count, parts


@kernel(
    "int64(octets, int64[::1], int64[::1], int64[:, ::1], int64[::1], int64[::1], int32[::1], int64[::1], int64[::1],"
    " int64[::1], int32[::1], int64, int64[::1], int32[:, ::1], int64[:, ::1])"
)
def take_records(
    data: Bytes, chosen: Offsets, part: Offsets, ranges: Offsets, place: Offsets, end: Offsets,
    row: Codes, min_ms: Offsets, max_ms: Offsets, ref: Offsets, source: Codes, wanted: int,
    size: Offsets, codes: Codes, spans: Offsets,
) -> int:  # fmt: skip
    """Check the records of the chosen chunks, and write their columns; return the bytes of all payloads.

    Returns -1 at the first record that is not good, or not of the `wanted` encoding. The bytes of range r are
    data[place[r] : end[r]] · source: int32[n], of each row · size: int64[c], what each record takes, learned here ·
    codes: int32[2, k] = row, source · spans: int64[4, k] = min_ms, max_ms, start, length
    """
    total = 0
    for number in range(len(chosen)):
        chunk = chosen[number]
        here = part[number]
        begin = place[here] + (ref[chunk] & OFFSET_MASK) - ranges[here, 1]
        status, encoding, start, length = check_record(data, begin, end[here])
        if status != RECORD_GOOD or encoding != wanted:
            return -1
        size[chunk] = start + length + CRC_BYTES - begin
        codes[0, number] = row[chunk]
        codes[1, number] = source[row[chunk]]
        spans[0, number] = min_ms[chunk]
        spans[1, number] = max_ms[chunk]
        spans[2, number] = start
        spans[3, number] = length
        total += length
    return total
