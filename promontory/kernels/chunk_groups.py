"""Chunks of one series from several blocks put in order, and grouped where their times overlap.

    block 0   |--a--|  |--b--|       |--e--|
    block 1      |--c--|     |-d-|   |--e--|        groups: a c b, d, e; the second e is a copy of the first

Chunks come by (min, max), of equals the one whose predecessor in its block was taken first. A chunk that begins
within what the group before it covers belongs to that group; one that equals the one taken before it, byte for byte,
is a copy and does not count. Source: Prometheus 3.14, storage/merge.go (compacting chunk iterator).
Format: docs/formats/deduplication.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import octets_at, signed64
from promontory.kernels.compile import kernel

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Codes = NDArray[np.int32]


@kernel("boolean(int64[::1], int64[::1], int64, int64)")
def follow_one_another(min_ms: Offsets, max_ms: Offsets, begin: int, end: int) -> bool:
    """Say whether the chunks [begin, end) stand in order and none overlaps another."""
    overlaps = 0
    for chunk in range(begin + 1, end):
        overlaps += min_ms[chunk] <= max_ms[chunk - 1]
    return overlaps == 0


@kernel("boolean(int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], uint8[::1], int64, int64)")
def equals(
    addresses: Offsets, sizes: Offsets, buffer: Codes, start: Offsets, length: Offsets, encoding: Bytes,
    left: int, right: int,
) -> bool:  # fmt: skip
    """Say whether two chunks have the same bytes; they lie in their buffers."""
    if length[left] != length[right] or encoding[left] != encoding[right]:
        return False
    one = octets_at(signed64(addresses[buffer[left]]), signed64(sizes[buffer[left]]))
    other = octets_at(signed64(addresses[buffer[right]]), signed64(sizes[buffer[right]]))
    same = 0
    while same < length[left] and one[start[left] + same] == other[start[right] + same]:
        same += 1
    return bool(same == length[left])


@kernel("int64(int64[::1], int64[::1], int64[:, ::1], int64)")
def find_next(min_ms: Offsets, max_ms: Offsets, lists: Offsets, count: int) -> int:
    """Return which list's chunk comes next, -1 where all are at their end; lists[i] = next chunk, end, turn."""
    found = -1
    for i in range(count):
        chunk = lists[i, 0]
        if chunk == lists[i, 1]:
            continue
        if found >= 0:
            other = lists[found, 0]
            later = min_ms[chunk] > min_ms[other]
            if min_ms[chunk] == min_ms[other]:
                later = max_ms[chunk] > max_ms[other]
                if max_ms[chunk] == max_ms[other]:
                    later = lists[i, 2] > lists[found, 2]
            if later:
                continue
        found = i
    return found


@kernel(
    "int64(int64[::1], int32[::1], int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], int64[::1],"
    " int64[::1], uint8[::1], int64[:, ::1], int64[::1], int64[::1], uint8[::1])"
)
def group_chunks(
    row_start: Offsets, block: Codes, min_ms: Offsets, max_ms: Offsets, addresses: Offsets, sizes: Offsets,
    buffer: Codes, start: Offsets, length: Offsets, encoding: Bytes,
    lists: Offsets, order: Offsets, group: Offsets, kept: Bytes,
) -> int:  # fmt: skip
    """Write the chunks in order, order int64[c], with the group of each, group int64[c]; return how many groups.

    row_start: int64[n + 1] · chunks of a row stand by block · lists: int64[blocks, 3], scratch ·
    kept: uint8[c], 0 where the chunk is a copy
    """
    place = 0
    groups = 0
    for row in range(len(row_start) - 1):
        begin = row_start[row]
        end = row_start[row + 1]
        if follow_one_another(min_ms, max_ms, begin, end):
            for chunk in range(begin, end):
                order[place] = chunk
                group[place] = groups
                kept[place] = 1
                place += 1
                groups += 1
            continue
        count = 0
        for chunk in range(begin, end):
            if chunk == begin or block[chunk] != block[chunk - 1]:
                lists[count, 0] = chunk
                lists[count, 2] = count
                count += 1
            lists[count - 1, 1] = chunk + 1
        turn = count
        before = -1
        reach = 0
        while True:
            found = find_next(min_ms, max_ms, lists, count)
            if found < 0:
                break
            chunk = lists[found, 0]
            lists[found, 0] += 1
            lists[found, 2] = turn
            turn += 1
            kept[place] = 1
            if before < 0 or min_ms[chunk] > reach:
                groups += 1
                reach = max_ms[chunk]
                before = chunk
            else:
                same = min_ms[chunk] == min_ms[before] and max_ms[chunk] == max_ms[before]
                if same and equals(addresses, sizes, buffer, start, length, encoding, before, chunk):
                    kept[place] = 0
                else:
                    reach = max(reach, max_ms[chunk])
                    before = chunk
            order[place] = chunk
            group[place] = groups - 1
            place += 1
    return groups
