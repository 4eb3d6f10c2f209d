"""Sums of lists of native histograms, and means that survive overflow.

    start int64[l + 1]  member int64[m]  ──►  list i is the sum of the rows member[start[i] : start[i + 1]], in order

A sum that was written can go on later: its row in the state comes before the list's members. `flags` say what
happened to a list; once it failed nothing is added to it any more. A mean is a sum until the sum would overflow;
from then on it is kept as the mean so far.

Source: Prometheus 3.14, promql/engine.go, aggregation (SUM and AVG).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.histogram_bounds import CUSTOM_SCHEMA, FRACTIONS
from promontory.kernels.histogram_buckets import reduce_buckets
from promontory.kernels.histogram_sums import (
    BOUNDS,
    FAILED,
    NOT_RESET,
    OWN,
    RECONCILED,
    RESET,
    SLOTS,
    TABLE,
    add_slots,
    load_member,
)

Keys = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bits = NDArray[np.uint8]

# What happened to a list, beside FAILED and RECONCILED.
RECONCILED_LESS, SEEN_RESET, SEEN_NOT_RESET, RUNNING = 4, 8, 16, 32
NEVER = 1 << 62

# Which histograms: member, negative (as long, or empty: none is), coarsest schema of each list (or empty).
LISTS = "int64[::1], int64[::1], boolean[::1], int32[::1]"
# kind, facts with what was lost, bucket_start (or sizes), key, total, lost, members, flags; no rows: nothing was yet.
STATE = "int32[:, ::1], float64[:, ::1], int64[::1], int32[::1], float64[::1], float64[::1], float64[::1], uint8[::1]"
# The same, the bounds that are no row's and how many, and the place of the member that failed.
OUT = f"{STATE}, float64[::1], int64[::1], int64[::1]"


@kernel(f"int64(int64, int64, {LISTS}, {TABLE}, {STATE}, {SLOTS}, {BOUNDS}, {FRACTIONS}, uint8[::1], {OUT})")
def sum_lists(
    first_list: int, mean: int, start: Longs, member: Longs, negative: Flags, coarsest: Keys,
    kind: Keys, fact: Floats, bucket_start: Longs, bucket_key: Keys, bucket_count: Floats,
    state_kind: Keys, state_fact: Floats, state_start: Longs, state_key: Keys, state_total: Floats,
    state_lost: Floats, state_members: Floats, state_flags: Bits,
    key: Keys, total: Floats, lost: Floats, facts: Floats, kinds: Longs,
    bounds_start: Longs, bounds: Floats, own: Floats, own_size: Longs, fractions: Floats, stop: Bits,
    out_kind: Keys, out_fact: Floats, out_size: Longs, out_key: Keys, out_total: Floats, out_lost: Floats,
    out_members: Floats, out_flags: Bits, out_bounds: Floats, out_bound_size: Longs, out_failed: Longs,
) -> int:  # fmt: skip
    """Sum lists from `first_list` on; return the first that is not done: there was no room for it, or `stop`.

    out_size[i] buckets and out_bound_size[i] bounds (those that are no row's) of each list stand one after the other.
    """
    filled, filled_bounds = 0, 0
    for i in range(first_list, len(start) - 1):
        if stop[0] != 0:
            return i
        limit = int(coarsest[i]) if len(coarsest) > 0 else NEVER
        switch = NEVER
        while True:
            out_members[i], out_flags[i], out_failed[i] = 0.0, np.uint8(0), -1
            kinds[0, :] = 0
            facts[0, :] = 0.0
            if len(state_members) > 0 and state_members[i] > 0.0:
                out_members[i], out_flags[i] = state_members[i], state_flags[i]
                _load_state(i, key[0], total[0], lost[0], facts, kinds, state_kind, state_fact, state_start,
                            state_key, state_total, state_lost)  # fmt: skip
            if out_flags[i] & FAILED:
                break
            reached = _add_members(
                mean, switch, limit, member, negative, start[i], start[i + 1],
                kind, fact, bucket_start, bucket_key, bucket_count, key, total, lost, facts, kinds,
                bounds_start, bounds, own, own_size, fractions, out_members[i : i + 1], out_flags[i : i + 1],
            )  # fmt: skip
            if reached >= 0:
                out_failed[i] = reached if out_flags[i] & FAILED else -1
                break
            switch = -1 - reached
        if filled + kinds[0, 3] > len(out_key) or filled_bounds + own_size[0] > len(out_bounds):
            return i
        out_size[i], out_bound_size[i] = _write_slot(
            i, filled, filled_bounds, key[0], total[0], lost[0], facts, kinds, own[0], own_size[0],
            out_kind, out_fact, out_key, out_total, out_lost, out_bounds,
        )  # fmt: skip
        filled += out_size[i]
        filled_bounds += out_bound_size[i]
    return len(start) - 1


@kernel(
    "void(int64, int32[::1], float64[::1], float64[::1], float64[:, ::1], int64[:, ::1],"
    " int32[:, ::1], float64[:, ::1], int64[::1], int32[::1], float64[::1], float64[::1])"
)
def _load_state(
    row: int, key: Keys, total: Floats, lost: Floats, facts: Floats, kinds: Longs,
    kind: Keys, fact: Floats, bucket_start: Longs, bucket_key: Keys, bucket_total: Floats, bucket_lost: Floats,
) -> None:  # fmt: skip
    """Put a sum that was written earlier back into slot 0."""
    first = bucket_start[row]
    size = bucket_start[row + 1] - first
    for place in range(size):
        key[place] = bucket_key[first + place]
        total[place] = bucket_total[first + place]
        lost[place] = bucket_lost[first + place]
    for place in range(7):
        facts[0, place] = fact[row, place]
    for place in range(3):
        kinds[0, place] = kind[row, place]
    kinds[0, 3] = size


@kernel("boolean(float64[::1], float64[::1], int64)")
def _overflows(total: Floats, facts: Floats, size: int) -> bool:
    for place in range(1, 7, 2):
        if math.isinf(facts[place]):
            return True
    overflown = False
    for place in range(size):
        overflown = overflown or math.isinf(total[place])
    return overflown


@kernel("void(float64[::1], float64[::1], float64[::1], int64, float64)")
def _scale_slot(total: Floats, lost: Floats, facts: Floats, size: int, factor: float) -> None:
    for place in range(1, 7):
        facts[place] *= factor
    for place in range(size):
        total[place] *= factor
        lost[place] *= factor


@kernel(
    f"int64(int64, int64, int64, int64[::1], boolean[::1], int64, int64, {TABLE}, {SLOTS}, {BOUNDS}, {FRACTIONS},"
    " float64[::1], uint8[::1])"
)
def _add_members(
    mean: int, switch: int, limit: int, member: Longs, negative: Flags, first: int, last: int,
    kind: Keys, fact: Floats, bucket_start: Longs, bucket_key: Keys, bucket_count: Floats,
    key: Keys, total: Floats, lost: Floats, facts: Floats, kinds: Longs,
    bounds_start: Longs, bounds: Floats, own: Floats, own_size: Longs, fractions: Floats,
    count: Floats, flag: Bits,
) -> int:  # fmt: skip
    """Add members [first, last) to slot 0; count[0] and flag[0] are the list's so far.

    Return `last`; the place of the member that failed; or, as -1 - place, that at which the sum of a mean overflowed.
    """
    for place in range(first, last):
        row = member[place]
        less = len(negative) > 0 and negative[place]
        if kind[row, 1] == RESET:
            flag[0] |= SEEN_RESET
        elif kind[row, 1] == NOT_RESET:
            flag[0] |= SEEN_NOT_RESET
        count[0] += 1.0
        if count[0] == 1.0:
            load_member(0, row, -1.0 if less else 1.0, kind, fact, bucket_start, bucket_key, bucket_count,
                        key, total, lost, facts, kinds)  # fmt: skip
            if kinds[0, 0] > limit and limit != CUSTOM_SCHEMA:
                kinds[0, 3] = reduce_buckets(key[0], total[0], lost[0], kinds[0, 3], kinds[0, 0] - limit)
                kinds[0, 0] = limit
            continue
        divisor = -1.0 if less else 1.0
        if place == switch:
            flag[0] |= RUNNING
            _scale_slot(total[0], lost[0], facts[0], kinds[0, 3], 1.0 / (count[0] - 1.0))
        if flag[0] & RUNNING:
            _scale_slot(total[0], lost[0], facts[0], kinds[0, 3], (count[0] - 1.0) / count[0])
            divisor = count[0]
        load_member(1, row, divisor, kind, fact, bucket_start, bucket_key, bucket_count,
                    key, total, lost, facts, kinds)  # fmt: skip
        outcome = add_slots(key, total, lost, facts, kinds, bounds_start, bounds, own, own_size, fractions)
        if outcome == FAILED:
            flag[0] |= FAILED
            return place
        if outcome == RECONCILED:
            flag[0] |= RECONCILED_LESS if less else RECONCILED
        if mean != 0 and not flag[0] & RUNNING and _overflows(total[0], facts[0], kinds[0, 3]):
            return -1 - place
    return last


@kernel(
    "UniTuple(int64, 2)(int64, int64, int64, int32[::1], float64[::1], float64[::1], float64[:, ::1], int64[:, ::1],"
    " float64[::1], int64, int32[:, ::1], float64[:, ::1], int32[::1], float64[::1], float64[::1], float64[::1])"
)
def _write_slot(
    row: int, filled: int, filled_bounds: int,
    key: Keys, total: Floats, lost: Floats, facts: Floats, kinds: Longs, own: Floats, own_size: int,
    out_kind: Keys, out_fact: Floats, out_key: Keys, out_total: Floats, out_lost: Floats,
    out_bounds: Floats,
) -> tuple[int, int]:  # fmt: skip
    """Write slot 0 as a row; buckets that are empty and lost nothing are left out. Return (buckets, bounds)."""
    size = 0
    for place in range(7):
        out_fact[row, place] = facts[0, place]
    for place in range(3):
        out_kind[row, place] = kinds[0, place]
    for place in range(kinds[0, 3]):
        if total[place] != 0.0 or lost[place] != 0.0:
            out_key[filled + size] = key[place]
            out_total[filled + size] = total[place]
            out_lost[filled + size] = lost[place]
            size += 1
    if kinds[0, 2] != OWN:
        return size, 0
    for place in range(own_size):
        out_bounds[filled_bounds + place] = own[place]
    return size, own_size
