"""Comparing native histograms two at a time: whether they are equal, and whether a counter was reset between them.

Source: Prometheus 3.14, model/histogram/float_histogram.go, Equals and DetectReset.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.histogram_bounds import CUSTOM_SCHEMA, FRACTIONS
from promontory.kernels.histogram_buckets import (
    drop_near_zero,
    intersect_bounds,
    map_custom,
    reduce_buckets,
    widen_zero,
)
from promontory.kernels.histogram_sums import NOT_RESET, RESET, TABLE

Keys = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SIDE = "int64[::1], int32[::1], int64[::1], int64[::1]"


@kernel(f"void({SIDE}, {SIDE}, boolean[::1])")
def compare_pairs(
    left_start: Longs, left_key: Keys, left_bits: Longs, left_index: Longs,
    right_start: Longs, right_key: Keys, right_bits: Longs, right_index: Longs, alike: Flags,
) -> None:  # fmt: skip
    """Clear `alike` where the buckets of a pair differ; counts are compared by their bits."""
    for pair in range(len(left_index)):
        left = left_start[left_index[pair]]
        right = right_start[right_index[pair]]
        size = left_start[left_index[pair] + 1] - left
        if size != right_start[right_index[pair] + 1] - right:
            alike[pair] = False
        if not alike[pair]:
            continue
        for place in range(size):
            if left_key[left + place] != right_key[right + place]:
                alike[pair] = False
            if left_bits[left + place] != right_bits[right + place]:
                alike[pair] = False


@kernel(
    f"void(int64[::1], int64[::1], {TABLE}, int64[::1], float64[::1], {FRACTIONS},"
    " int32[:, ::1], float64[:, ::1], float64[:, ::1], float64[::1], boolean[::1])"
)
def find_resets(
    current: Longs, previous: Longs, kind: Keys, fact: Floats, bucket_start: Longs, bucket_key: Keys,
    bucket_count: Floats, bounds_start: Longs, bounds: Floats, fractions: Floats,
    key: Keys, total: Floats, lost: Floats, shared: Floats, reset: Flags,
) -> None:  # fmt: skip
    """Set `reset` of each pair of rows; key, total, lost: room for two histograms; shared: for bounds."""
    for pair in range(len(current)):
        now, then = current[pair], previous[pair]
        hint = kind[now, 1]
        if hint in (RESET, NOT_RESET):
            reset[pair] = hint == RESET
            continue
        custom = kind[now, 0] == CUSTOM_SCHEMA
        reset[pair] = (
            fact[now, 2] < fact[then, 2]
            or (custom and kind[then, 0] != CUSTOM_SCHEMA)
            or kind[now, 0] > kind[then, 0]
            or fact[now, 0] < fact[then, 0]
        )
        if reset[pair]:
            continue
        size = _load(0, now, bucket_start, bucket_key, bucket_count, key, total, lost)
        before = _load(1, then, bucket_start, bucket_key, bucket_count, key, total, lost)
        if custom:
            if kind[now, 2] != kind[then, 2]:
                mine = bounds[bounds_start[kind[now, 2]] : bounds_start[kind[now, 2] + 1]]
                other = bounds[bounds_start[kind[then, 2]] : bounds_start[kind[then, 2] + 1]]
                fewer = shared[: intersect_bounds(mine, other, shared)]
                size = map_custom(key[0], total[0], lost[0], size, mine, fewer)
                before = map_custom(key[1], total[1], lost[1], before, other, fewer)
        else:
            before = _match_previous(
                kind[now, 0], fact[now], kind[then, 0], fact[then], key[1], total[1], lost[1], before, fractions
            )
        reset[pair] = before < 0 or _lost_some(key, total, size, before)


@kernel("int64(int64, int64, int64[::1], int32[::1], float64[::1], int32[:, ::1], float64[:, ::1], float64[:, ::1])")
def _load(
    slot: int, row: int, bucket_start: Longs, bucket_key: Keys, bucket_count: Floats,
    key: Keys, total: Floats, lost: Floats,
) -> int:  # fmt: skip
    size = bucket_start[row + 1] - bucket_start[row]
    for place in range(size):
        key[slot, place] = bucket_key[bucket_start[row] + place]
        total[slot, place] = bucket_count[bucket_start[row] + place]
        lost[slot, place] = 0.0
    return int(size)


@kernel(f"int64(int64, float64[::1], int64, float64[::1], int32[::1], float64[::1], float64[::1], int64, {FRACTIONS})")
def _match_previous(
    schema: int, fact: Floats, old_schema: int, old_fact: Floats,
    key: Keys, total: Floats, lost: Floats, size: int, fractions: Floats,
) -> int:  # fmt: skip
    """Bring the previous exponential buckets to this resolution and zero bucket; -1 where these show a reset."""
    if fact[0] != old_fact[0]:
        threshold, zero, _ = widen_zero(
            key, total, lost, size, old_schema, old_fact[1], 0.0, fact[0], fractions
        )  # fmt: skip
        if threshold != fact[0] or fact[1] < zero:
            return -1
    elif fact[1] < old_fact[1]:
        return -1
    if schema != old_schema:
        size = reduce_buckets(key, total, lost, size, old_schema - schema)
    return drop_near_zero(key, total, lost, size, schema, fact[0], 0, fractions)


@kernel("boolean(int32[:, ::1], float64[:, ::1], int64, int64)")
def _lost_some(key: Keys, total: Floats, size: int, before: int) -> bool:
    """Say whether a bucket of slot 1 holds less in slot 0, or is not there."""
    here = 0
    for place in range(before):
        while here < size and key[0, here] < key[1, place]:
            here += 1
        if here == size or key[0, here] != key[1, place] or total[0, here] < total[1, place]:
            return True
    return False
