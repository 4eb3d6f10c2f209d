"""xxHash64 (seed 0), and the shard hash of label rows.

The hash of a row is xxHash64 over `name 0xFF value 0xFF` of each chosen label in order; a store keeps the row of
shard i of n when hash % n == i. Source: the xxHash specification (XXH64); pkg/store/storepb/shard_info.go of Thanos.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.copy import copy_bytes
from promontory.kernels.memory import load_le64, wrap64

PRIME_1 = 0x9E3779B185EBCA87
PRIME_2 = 0xC2B2AE3D27D4EB4F
PRIME_3 = 0x165667B19E3779F9
PRIME_4 = 0x85EBCA77C2B2AE63
PRIME_5 = 0x27D4EB2F165667C5
START_1 = (PRIME_1 + PRIME_2) & 0xFFFFFFFFFFFFFFFF
START_4 = (-PRIME_1) & 0xFFFFFFFFFFFFFFFF


@kernel("uint64(uint64, uint64)")
def rotate_left(word: int, count: int) -> int:
    """Return the 64-bit word rotated left by `count` bits (1..63)."""
    return wrap64(wrap64(word) << wrap64(count)) | (wrap64(word) >> wrap64(wrap64(64) - wrap64(count)))


@kernel("uint64(uint64, uint64)")
def mix_lane(lane: int, word: int) -> int:
    """Return one lane after it took in 8 bytes."""
    state = wrap64(wrap64(lane) + wrap64(wrap64(word) * wrap64(PRIME_2)))
    return wrap64(rotate_left(state, wrap64(31)) * wrap64(PRIME_1))


@kernel("uint64(uint64, uint64)")
def fold_lane(state: int, lane: int) -> int:
    """Return the state after it took in a lane."""
    mixed = wrap64(wrap64(state) ^ mix_lane(wrap64(0), lane))
    return wrap64(wrap64(mixed * wrap64(PRIME_1)) + wrap64(PRIME_4))


@kernel("uint64(octets, int64, int64)")
def hash_xxh64(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Return xxHash64 of data[start:end]. The caller has checked the bounds."""
    position = start
    if end - start >= 32:
        lane_1 = wrap64(START_1)
        lane_2 = wrap64(PRIME_2)
        lane_3 = wrap64(0)
        lane_4 = wrap64(START_4)
        while position + 32 <= end:
            lane_1 = mix_lane(lane_1, load_le64(data, position))
            lane_2 = mix_lane(lane_2, load_le64(data, position + 8))
            lane_3 = mix_lane(lane_3, load_le64(data, position + 16))
            lane_4 = mix_lane(lane_4, load_le64(data, position + 24))
            position += 32
        state = wrap64(
            wrap64(rotate_left(lane_1, wrap64(1)) + rotate_left(lane_2, wrap64(7)))
            + wrap64(rotate_left(lane_3, wrap64(12)) + rotate_left(lane_4, wrap64(18)))
        )
        state = fold_lane(fold_lane(fold_lane(fold_lane(state, lane_1), lane_2), lane_3), lane_4)
    else:
        state = wrap64(PRIME_5)
    state = wrap64(state + wrap64(end - start))
    while position + 8 <= end:
        state = wrap64(state ^ mix_lane(wrap64(0), load_le64(data, position)))
        state = wrap64(wrap64(rotate_left(state, wrap64(27)) * wrap64(PRIME_1)) + wrap64(PRIME_4))
        position += 8
    if position + 4 <= end:
        word = wrap64(0)
        for i in range(4):
            word |= wrap64(wrap64(data[position + i]) << wrap64(8 * i))
        state = wrap64(state ^ wrap64(word * wrap64(PRIME_1)))
        state = wrap64(wrap64(rotate_left(state, wrap64(23)) * wrap64(PRIME_2)) + wrap64(PRIME_3))
        position += 4
    while position < end:
        state = wrap64(state ^ wrap64(wrap64(data[position]) * wrap64(PRIME_5)))
        state = wrap64(rotate_left(state, wrap64(11)) * wrap64(PRIME_1))
        position += 1
    state = wrap64(wrap64(state ^ (state >> wrap64(33))) * wrap64(PRIME_2))
    state = wrap64(wrap64(state ^ (state >> wrap64(29))) * wrap64(PRIME_3))
    return state ^ (state >> wrap64(32))


@kernel("int64(int64[::1], int32[::1], int32[::1], int64[::1])")
def measure_rows(
    row_start: NDArray[np.int64], name: NDArray[np.int32], value: NDArray[np.int32], start: NDArray[np.int64]
) -> int:
    """Return the bytes of the longest row when each label is written as `name 0xFF value 0xFF`."""
    longest = 0
    for row in range(len(row_start) - 1):
        size = 0
        for pair in range(row_start[row], row_start[row + 1]):
            size += start[name[pair] + 1] - start[name[pair]] + start[value[pair] + 1] - start[value[pair]] + 2
        longest = max(longest, size)
    return longest


@kernel("void(int64[::1], int32[::1], int32[::1], octets, int64[::1], int32[::1], int64, uint8[::1], uint64[::1])")
def hash_rows(
    row_start: NDArray[np.int64],
    name: NDArray[np.int32],
    value: NDArray[np.int32],
    blob: NDArray[np.uint8],
    start: NDArray[np.int64],
    listed: NDArray[np.int32],
    by: int,
    scratch: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
) -> None:
    """Fill uint64[n] with the shard hash of each row; `by` 1 takes the listed names, 0 all but the listed.

    scratch: uint8[measure_rows(...)].
    """
    for row in range(len(row_start) - 1):
        size = 0
        for pair in range(row_start[row], row_start[row + 1]):
            found = 0
            for i in range(len(listed)):
                if listed[i] == name[pair]:
                    found = 1
            if found == by:
                length = start[name[pair] + 1] - start[name[pair]]
                copy_bytes(scratch, size, blob, start[name[pair]], length)
                scratch[size + length] = 0xFF
                size += length + 1
                length = start[value[pair] + 1] - start[value[pair]]
                copy_bytes(scratch, size, blob, start[value[pair]], length)
                scratch[size + length] = 0xFF
                size += length + 1
        hashes[row] = hash_xxh64(scratch, 0, size)
