"""Postings lists: sorted series refs, and the set operations on them.

    postings list    BE32 length | BE32 n ( BE32 ref )* n | CRC32C        refs rise; ref x 16 is the entry's offset

Refs in memory are uint32[n], strictly rising. Source: prometheus tsdb/docs/format/index.md, tsdb/index/postings.go.
Format: docs/formats/index.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.crc32c import crc32c
from promontory.kernels.memory import load_be32

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Refs = NDArray[np.uint32]

LIST_GOOD, LIST_CUT, LIST_BAD_CRC, LIST_MALFORMED = 0, 1, 2, 3


@kernel("UniTuple(int64, 2)(octets, int64[::1], int64[::1])")
def measure_lists(data: Bytes, start: Offsets, count: Offsets) -> tuple[int, int]:
    """Check length and CRC of the lists at `start` and count their refs; return (index, what is wrong).

    The index of a list that is not good comes with why; (n, LIST_GOOD) says that all are. A CUT list needs
    4 + its BE32 length + 4 bytes.
    """
    end = len(data)
    for index in range(len(start)):
        position = start[index]
        if position < 0 or end - position < 4:
            return index, LIST_CUT
        length = np.int64(load_be32(data, position))
        if length > end - position - 8:
            return index, LIST_CUT
        if length < 4:
            return index, LIST_MALFORMED
        stop = position + 4 + length
        if np.int64(crc32c(data, position + 4, stop)) != np.int64(load_be32(data, stop)):
            return index, LIST_BAD_CRC
        count[index] = np.int64(load_be32(data, position + 4))
        if 4 + 4 * count[index] != length:
            return index, LIST_MALFORMED
    return len(start), LIST_GOOD


@kernel("int64(octets, int64[::1], int64[::1], uint32[::1])")
def read_lists(data: Bytes, start: Offsets, count: Offsets, refs: Refs) -> int:
    """Write the refs of measured lists one after the other; return the index of a list that does not rise, or n."""
    target = 0
    for index in range(len(start)):
        position = start[index] + 8
        before = -1
        for _ in range(count[index]):
            ref = int(load_be32(data, position))
            if ref <= before:
                return index
            refs[target] = ref
            before = ref
            target += 1
            position += 4
    return len(start)


@kernel("int64(uint32[::1], uint32[::1], uint32[::1])")
def intersect_refs(left: Refs, right: Refs, out: Refs) -> int:
    """Write the refs that stand in both; return how many. `left` is better the shorter one."""
    count = 0
    place = 0
    size = len(right)
    for index in range(len(left)):
        ref = left[index]
        step = 1
        while place + step < size and right[place + step] < ref:
            place += step
            step *= 2
        while place < size and right[place] < ref:
            place += 1
        if place >= size:
            break
        if right[place] == ref:
            out[count] = ref
            count += 1
    return count


@kernel("int64(uint32[::1], uint32[::1], uint32[::1])")
def subtract_refs(left: Refs, right: Refs, out: Refs) -> int:
    """Write the refs of `left` that do not stand in `right`; return how many."""
    count = 0
    place = 0
    for index in range(len(left)):
        ref = left[index]
        while place < len(right) and right[place] < ref:
            place += 1
        if place >= len(right) or right[place] != ref:
            out[count] = ref
            count += 1
    return count
