"""count_values: how many rows of a group have a value at each time, kept while batches come.

    pair of group and value     pair_group int32[p] · pair_bits int64[p], the value's bits · counts uint32[p, k]
    slots                       int32[power of two], pair + 1, or 0 for a free slot; linear probing, at most half full

The kernel stops at the first place for whose pair there is no room; the caller grows the arrays and goes on there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64

Longs = NDArray[np.int64]
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]


@kernel("int64(int32, int64, int64)")
def slot_of(group: int, bits: int, mask: int) -> int:
    """Return the slot at which to begin looking for a pair."""
    state = wrap64((wrap64(group) + wrap64(0x9E3779B97F4A7C15)) * wrap64(0xC4CEB9FE1A85EC53))
    state = wrap64((state ^ wrap64(bits)) * wrap64(0xFF51AFD7ED558CCD))
    state ^= state >> wrap64(32)
    return int(state & wrap64(mask))


@kernel("int64(int32, int64, int32[::1], int64[::1], int32[::1])")
def find_pair(group: int, bits: int, pair_group: Codes, pair_bits: Longs, slots: Codes) -> int:
    """Return the number of a pair, or -1 - slot where it is not known and `slot` is where it belongs."""
    mask = len(slots) - 1
    slot = slot_of(group, bits, mask)
    while True:
        pair = int(slots[slot]) - 1
        if pair < 0:
            return -1 - slot
        if pair_bits[pair] == bits and pair_group[pair] == group:
            return pair
        slot = (slot + 1) & mask


@kernel(
    "void(int64[:, ::1], boolean[:, ::1], int32[::1], int64[::1], uint8[::1],"
    " int32[::1], int64[::1], uint32[:, ::1], int32[::1], int64[::1])"
)
def count_places(
    bits: Longs, present: Flags, group: Codes, done: Longs, stop: NDArray[np.uint8],
    pair_group: Codes, pair_bits: Longs, counts: NDArray[np.uint32], slots: Codes, known: Longs,
) -> None:  # fmt: skip
    """Count the present places of a batch from (done[0], done[1]) on.

    bits: int64[n, k] · done: the row and time to go on at; (n, 0) when all is counted · known: int64[1], the pairs
    """
    row = done[0]
    j = done[1]
    times = bits.shape[1]
    while row < len(bits) and stop[0] == 0:
        into = group[row]
        last_bits = 0
        pair = -1
        while j < times:
            if present[row, j]:
                found = bits[row, j]
                if pair < 0 or found != last_bits:
                    pair = find_pair(into, found, pair_group, pair_bits, slots)
                    last_bits = found
                    if pair < 0:
                        slot = -1 - pair
                        pair = known[0]
                        if pair >= len(pair_bits) or 2 * (pair + 1) > len(slots):
                            done[0] = row
                            done[1] = j
                            return
                        pair_group[pair] = into
                        pair_bits[pair] = found
                        slots[slot] = pair + 1
                        known[0] = pair + 1
                counts[pair, j] += 1
            j += 1
        row += 1
        j = 0
    done[0] = row
    done[1] = j


@kernel("void(int32[::1], int64[::1], int64, int32[::1])")
def rebuild_pair_slots(pair_group: Codes, pair_bits: Longs, known: int, slots: Codes) -> None:
    """Fill zeroed slots with the known pairs."""
    for pair in range(known):
        slot = -1 - find_pair(pair_group[pair], pair_bits[pair], pair_group, pair_bits, slots)
        slots[slot] = pair + 1
