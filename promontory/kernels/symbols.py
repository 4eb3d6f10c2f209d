"""Interning: byte strings to codes, in an open-addressed hash index over one growing blob.

    blob     uint8[capacity]      the strings, one after the other
    start    int64[capacity + 1]  start[c] .. start[c + 1] is the string of code c
    hashes   uint64[capacity]     hash of each string
    slots    int32[power of two]  code + 1, or 0 for a free slot; linear probing, at most half full

Code 0 is the empty string. The kernel stops at the first string for which there is no room; the caller grows
the arrays and goes on from there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import load_le64, wrap64

Bytes = NDArray[np.uint8]


@kernel("uint64(octets, int64, int64)")
def hash_bytes(data: Bytes, start: int, end: int) -> int:
    """Return a 64-bit hash of data[start:end]."""
    state = wrap64(0x9E3779B97F4A7C15) ^ wrap64(end - start)
    position = start
    while position + 8 <= end:
        state = wrap64((state ^ load_le64(data, position)) * wrap64(0xFF51AFD7ED558CCD))
        state ^= state >> wrap64(32)
        position += 8
    tail = wrap64(0)
    while position < end:
        tail = (tail << wrap64(8)) | wrap64(data[position])
        position += 1
    state = wrap64((state ^ tail) * wrap64(0xC4CEB9FE1A85EC53))
    return state ^ (state >> wrap64(29))


@kernel("int64(octets, octets, int64[::1], uint64[::1], int32[::1], int64, int64, uint64)")
def find_slot(
    data: Bytes,
    blob: Bytes,
    start: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    slots: NDArray[np.int32],
    from_: int,
    to: int,
    digest: int,
) -> int:
    """Return the slot that holds data[from_:to], or the free slot where it would go."""
    mask = len(slots) - 1
    slot = np.int64(digest & wrap64(mask))
    while True:
        code = np.int64(slots[slot]) - 1
        if code < 0:
            return slot  # type: ignore[return-value]
        if hashes[code] == digest and start[code + 1] - start[code] == to - from_:
            base = start[code]
            same = True
            for i in range(to - from_):
                if blob[base + i] != data[from_ + i]:
                    same = False
                    break
            if same:
                return slot  # type: ignore[return-value]
        slot = (slot + 1) & mask


@kernel(
    "int64(octets, int64[::1], int64[::1], int32[::1], int64,"
    " uint8[::1], int64[::1], uint64[::1], int32[::1], int64[::1])"
)
def intern_spans(
    data: Bytes,
    span_start: NDArray[np.int64],
    span_end: NDArray[np.int64],
    codes: NDArray[np.int32],
    first: int,
    blob: Bytes,
    start: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    slots: NDArray[np.int32],
    count: NDArray[np.int64],
) -> int:
    """Give spans first.. their codes, adding strings not seen before; return the index of the first span not done."""
    known = count[0]
    for i in range(first, len(span_start)):
        from_ = span_start[i]
        to = span_end[i]
        digest = hash_bytes(data, from_, to)
        slot = find_slot(data, blob, start, hashes, slots, from_, to, digest)
        code = np.int64(slots[slot]) - 1
        if code < 0:
            base = start[known]
            full = known + 1 >= len(start) or known >= len(hashes) or 2 * (known + 1) > len(slots)
            if full or base + (to - from_) > len(blob):
                count[0] = known
                return i
            for j in range(to - from_):
                blob[base + j] = data[from_ + j]
            start[known + 1] = base + (to - from_)
            hashes[known] = digest
            slots[slot] = known + 1
            code = known
            known += 1
        codes[i] = code
    count[0] = known
    return len(span_start)


@kernel("void(uint64[::1], int64, int32[::1])")
def rebuild_slots(hashes: NDArray[np.uint64], count: int, slots: NDArray[np.int32]) -> None:
    """Fill an empty, larger hash index with the codes below `count`."""
    mask = len(slots) - 1
    for code in range(count):
        slot = np.int64(wrap64(hashes[code]) & wrap64(mask))
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = code + 1
