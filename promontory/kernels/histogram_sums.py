"""Adding one native histogram to another, compensated.

Both are in scratch, the sum so far in slot 0 and the one to be added in slot 1:

    key int32[2, room]   total, lost float64[2, room]
    facts float64[2, 7]  threshold · zero count, lost · count, lost · sum, lost
    kinds int64[2, 4]    schema · reset hint · row of custom bounds, OWN for those in `own` · buckets
    own   float64[2, most bounds], own_size int64[1]: the bounds of slot 0 where they are no row's, and room

Where the threshold of the zero bucket, the schema or custom bounds differ, the coarser of both is found and both are
brought to it. A plain sum is the same without what it lost.

Source: Prometheus 3.14, model/histogram/float_histogram.go, KahanAdd, reconcileZeroBuckets, adjustCounterReset.
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
    merge_buckets,
    reduce_buckets,
    widen_zero,
)
from promontory.kernels.neumaier import add_compensated

Keys = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bits = NDArray[np.uint8]

OWN = -1
UNKNOWN, RESET, NOT_RESET, GAUGE = 0, 1, 2, 3
# What an addition comes to.
FAILED, RECONCILED = 1, 2

SLOTS = "int32[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], int64[:, ::1]"
BOUNDS = "int64[::1], float64[::1], float64[:, ::1], int64[::1]"
TABLE = "int32[:, ::1], float64[:, ::1], int64[::1], int32[::1], float64[::1]"


@kernel("int64(int64, int64)")
def join_hints(left: int, right: int) -> int:
    """Return the reset hint of a sum: gauge wins, and what differs otherwise is unknown."""
    if left == right:
        return left
    return GAUGE if left == GAUGE or right == GAUGE else UNKNOWN


@kernel(f"void(int64, int64, float64, {TABLE}, {SLOTS})")
def load_member(
    slot: int, row: int, divisor: float,
    kind: Keys, fact: Floats, bucket_start: Longs, bucket_key: Keys, bucket_count: Floats,
    key: Keys, total: Floats, lost: Floats, facts: Floats, kinds: Longs,
) -> None:  # fmt: skip
    """Put a row of the table into a slot, divided; the divisor -1 turns a subtraction into a sum."""
    size = bucket_start[row + 1] - bucket_start[row]
    for place in range(size):
        key[slot, place] = bucket_key[bucket_start[row] + place]
        total[slot, place] = bucket_count[bucket_start[row] + place] / divisor
        lost[slot, place] = 0.0
    facts[slot, 0] = fact[row, 0]
    for place in range(1, 4):
        facts[slot, 2 * place - 1] = fact[row, place] / divisor
        facts[slot, 2 * place] = 0.0
    for place in range(3):
        kinds[slot, place] = kind[row, place]
    kinds[slot, 3] = size


@kernel(f"int64({SLOTS}, {BOUNDS}, {FRACTIONS})")
def add_slots(
    key: Keys, total: Floats, lost: Floats, facts: Floats, kinds: Longs,
    bounds_start: Longs, bounds: Floats, own: Floats, own_size: Longs, fractions: Floats,
) -> int:  # fmt: skip
    """Add slot 1 to slot 0; return 0, FAILED where the schemas do not mix, or RECONCILED where bounds differed."""
    if (kinds[0, 0] == CUSTOM_SCHEMA) != (kinds[1, 0] == CUSTOM_SCHEMA):
        return FAILED
    kinds[0, 1] = join_hints(kinds[0, 1], kinds[1, 1])
    outcome = 0
    if kinds[0, 0] == CUSTOM_SCHEMA:
        if kinds[0, 2] != kinds[1, 2]:
            outcome = _reconcile_bounds(key, total, lost, kinds, bounds_start, bounds, own, own_size)
    else:
        _reconcile_zero(key, total, lost, facts, kinds, fractions)
        finer = kinds[0, 0] - kinds[1, 0]
        if finer > 0:
            kinds[0, 3] = reduce_buckets(key[0], total[0], lost[0], kinds[0, 3], finer)
            kinds[0, 0] = kinds[1, 0]
        elif finer < 0:
            kinds[1, 3] = reduce_buckets(key[1], total[1], lost[1], kinds[1, 3], -finer)
        # After the reduction, as in Prometheus: a bucket that now reaches over the threshold stays.
        kinds[1, 3] = drop_near_zero(key[1], total[1], lost[1], kinds[1, 3], kinds[0, 0], facts[0, 0], 0, fractions)
    for place in range(1, 7, 2):
        facts[0, place], facts[0, place + 1] = add_compensated(facts[1, place], facts[0, place], facts[0, place + 1])
    facts[0, 1], facts[0, 2] = add_compensated(facts[1, 2], facts[0, 1], facts[0, 2])
    kinds[0, 3] = merge_buckets(key[0], total[0], lost[0], kinds[0, 3], key[1], total[1], lost[1], kinds[1, 3])
    return outcome


@kernel(f"void({SLOTS}, {FRACTIONS})")
def _reconcile_zero(
    key: Keys, total: Floats, lost: Floats, facts: Floats, kinds: Longs, fractions: Floats
) -> None:  # fmt: skip
    """Find a zero bucket that holds both and cuts no populated bucket of either."""
    zero, zero_lost = facts[1, 1], facts[1, 2]
    # Not `!=`, as Prometheus has it: it goes round for ever where a chunk says that a threshold is NaN.
    while facts[0, 0] > facts[1, 0] or facts[0, 0] < facts[1, 0]:
        if facts[0, 0] > facts[1, 0]:
            facts[1, 0], facts[1, 1], facts[1, 2] = widen_zero(
                key[1], total[1], lost[1], kinds[1, 3], kinds[1, 0], zero, zero_lost, facts[0, 0], fractions
            )
        if facts[1, 0] > facts[0, 0]:
            facts[0, 0], facts[0, 1], facts[0, 2] = widen_zero(
                key[0], total[0], lost[0], kinds[0, 3], kinds[0, 0], facts[0, 1], facts[0, 2], facts[1, 0],
                fractions,
            )  # fmt: skip
            kinds[0, 3] = drop_near_zero(key[0], total[0], lost[0], kinds[0, 3], kinds[0, 0], facts[0, 0], 1, fractions)


@kernel(f"int64(int32[:, ::1], float64[:, ::1], float64[:, ::1], int64[:, ::1], {BOUNDS})")
def _reconcile_bounds(
    key: Keys, total: Floats, lost: Floats, kinds: Longs,
    bounds_start: Longs, bounds: Floats, own: Floats, own_size: Longs,
) -> int:  # fmt: skip
    """Bring both slots to the bounds they share; 0 where these are all there are."""
    row = kinds[1, 2]
    right = bounds[bounds_start[row] : bounds_start[row + 1]]
    if kinds[0, 2] != OWN:
        row = kinds[0, 2]
        own_size[0] = bounds_start[row + 1] - bounds_start[row]
        for place in range(own_size[0]):
            own[0, place] = bounds[bounds_start[row] + place]
        kinds[0, 2] = OWN
    left = own[0][: own_size[0]]
    shared = intersect_bounds(left, right, own[1])
    if shared == len(left) and shared == len(right):
        return 0
    fewer = own[1][:shared]
    kinds[0, 3] = map_custom(key[0], total[0], lost[0], kinds[0, 3], left, fewer)
    kinds[1, 3] = map_custom(key[1], total[1], lost[1], kinds[1, 3], right, fewer)
    for place in range(shared):
        own[0, place] = fewer[place]
    own_size[0] = shared
    return RECONCILED
