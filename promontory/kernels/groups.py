"""Numbering label rows across batches: equal rows get one number for as long as a query runs.

    known rows   known_start int64[c + 1] · known_name, known_value int32[p] · known_hashes uint64[c]
    slots        int32[power of two], number + 1, or 0 for a free slot; linear probing, at most half full

The kernel stops at the first row for which there is no room; the caller grows the arrays and goes on from there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64

Longs = NDArray[np.int64]
Codes = NDArray[np.int32]
Hashes = NDArray[np.uint64]


@kernel(
    "int64(int64[::1], int32[::1], int32[::1], uint64[::1], int64, int32[::1],"
    " int64[::1], int32[::1], int32[::1], uint64[::1], int32[::1], int64[::1])"
)
def assign_groups(
    row_start: Longs, name: Codes, value: Codes, hashes: Hashes, first: int, group: Codes,
    known_start: Longs, known_name: Codes, known_value: Codes, known_hashes: Hashes, slots: Codes, count: Longs,
) -> int:  # fmt: skip
    """Write the numbers of rows first.. to `group`, adding rows not seen before; return the first row not done."""
    mask = len(slots) - 1
    for row in range(first, len(group)):
        length = row_start[row + 1] - row_start[row]
        slot = np.int64(wrap64(hashes[row]) & wrap64(mask))
        while True:
            number = np.int64(slots[slot]) - 1
            if number < 0:
                break
            same = known_hashes[number] == hashes[row] and known_start[number + 1] - known_start[number] == length
            if same:
                for offset in range(length):
                    here = row_start[row] + offset
                    there = known_start[number] + offset
                    if name[here] != known_name[there] or value[here] != known_value[there]:
                        same = False
                        break
            if same:
                break
            slot = (slot + 1) & mask
        if number < 0:
            number = count[0]
            base = known_start[number]
            if 2 * (number + 1) > len(slots) or number >= len(known_hashes) or base + length > len(known_name):
                return row
            for offset in range(length):
                known_name[base + offset] = name[row_start[row] + offset]
                known_value[base + offset] = value[row_start[row] + offset]
            known_start[number + 1] = base + length
            known_hashes[number] = hashes[row]
            slots[slot] = number + 1
            count[0] = number + 1
        group[row] = number
    return len(group)
