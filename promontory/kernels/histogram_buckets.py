"""Populated buckets of one histogram in scratch arrays: what a sum of histograms does with them.

    key int32[room]   total float64[room]   lost float64[room]      the first `size` places are in use, keys rise

A bucket's sum is total + lost (see kernels/neumaier.py); keys are those of model/histograms.py. Every function works
in place and returns the new size.

Source: Prometheus 3.14, model/histogram/float_histogram.go: kahanReduceResolution, zeroCountForLargerThreshold,
trimBucketsInZeroBucket, addCustomBucketsWithMismatches, kahanAddBuckets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.histogram_bounds import FRACTIONS, POSITIVE, upper_bound
from promontory.kernels.neumaier import add_compensated

Keys = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]


@kernel("void(int32[::1], float64[::1], float64[::1], int64, int64)")
def add_bucket(key: Keys, total: Floats, lost: Floats, source: int, target: int) -> None:
    """Add the bucket at `source` to that at `target`."""
    total[target], lost[target] = add_compensated(total[source], total[target], lost[target])
    total[target], lost[target] = add_compensated(lost[source], total[target], lost[target])


@kernel("int64(int32[::1], float64[::1], float64[::1], int64, int64, int64)")
def append_bucket(key: Keys, total: Floats, lost: Floats, size: int, source: int, new_key: int) -> int:
    """Put the bucket at `source` behind the first `size` under a new key, or add it to the last where that has it."""
    if size > 0 and key[size - 1] == new_key:
        add_bucket(key, total, lost, source, size - 1)
        return size
    key[size] = new_key
    total[size] = total[source]
    lost[size] = lost[source]
    return size + 1


@kernel("int64(int32[::1], float64[::1], float64[::1], int64, int64)")
def reduce_buckets(key: Keys, total: Floats, lost: Floats, size: int, shift: int) -> int:
    """Merge the buckets into those of a schema that is lower by `shift`."""
    kept = 0
    for place in range(size):
        index = abs(int(key[place])) - POSITIVE
        target = POSITIVE + ((index - 1) >> shift) + 1
        kept = append_bucket(key, total, lost, kept, place, target if key[place] > 0 else -target)
    return kept


@kernel("int64(int32[::1], int64)")
def first_positive(key: Keys, size: int) -> int:
    """Return the place of the first positive bucket; `size` where there is none."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if key[middle] > 0:
            high = middle
        else:
            low = middle + 1
    return low


@kernel(f"float64(int32, int64, int64, {FRACTIONS})")
def outer_bound(key: int, steps: int, schema: int, fractions: Floats) -> float:
    """Return the absolute outer bound of the bucket that lies `steps` further from zero than that of `key`."""
    return upper_bound(abs(int(key)) - POSITIVE + steps, schema, fractions)


@kernel(
    "UniTuple(float64, 3)"
    f"(int32[::1], float64[::1], float64[::1], int64, int64, float64, float64, float64, {FRACTIONS})"
)
def widen_zero(
    key: Keys, total: Floats, lost: Floats, size: int, schema: int,
    zero_count: float, zero_count_lost: float, wanted: float, fractions: Floats,
) -> tuple[float, float, float]:  # fmt: skip
    """Return (threshold, zero count, lost) for a zero bucket of at least `wanted`, given the present count.

    A populated bucket that the threshold would cut is taken in as a whole, which raises the threshold to its end. One
    that a subtraction emptied is not populated any more.
    """
    zero, zero_lost = zero_count, zero_count_lost
    middle = first_positive(key, size)
    redo = True
    while redo:
        redo = False
        zero, zero_lost = zero_count, zero_count_lost
        for place in range(middle, size):
            if outer_bound(key[place], -1, schema, fractions) >= wanted:
                break
            zero, zero_lost = add_compensated(total[place], zero, zero_lost)
            zero, zero_lost = add_compensated(lost[place], zero, zero_lost)
            bound = outer_bound(key[place], 0, schema, fractions)
            if bound > wanted:
                if total[place] != 0.0:
                    wanted = bound
                break
        for place in range(middle - 1, -1, -1):
            if outer_bound(key[place], -1, schema, fractions) >= wanted:
                break
            zero, zero_lost = add_compensated(total[place], zero, zero_lost)
            zero, zero_lost = add_compensated(lost[place], zero, zero_lost)
            bound = outer_bound(key[place], 0, schema, fractions)
            if bound > wanted:
                if total[place] != 0.0:
                    # What was taken in on the positive side was measured against the smaller threshold.
                    wanted = bound
                    redo = True
                break
    return wanted, zero, zero_lost


@kernel(f"int64(int32[::1], float64[::1], float64[::1], int64, int64, float64, int64, {FRACTIONS})")
def drop_near_zero(
    key: Keys, total: Floats, lost: Floats, size: int, schema: int, threshold: float, reach: int, fractions: Floats
) -> int:
    """Drop the buckets within the zero bucket.

    reach 0: those that end at the threshold or before (`other` of a sum); 1: also one that begins before it.
    """
    middle = first_positive(key, size)
    low = middle
    while low > 0 and _is_near(key[low - 1], schema, threshold, reach, fractions):
        low -= 1
    high = middle
    while high < size and _is_near(key[high], schema, threshold, reach, fractions):
        high += 1
    if low == high:
        return size
    for place in range(high, size):
        target = low + place - high
        key[target] = key[place]
        total[target] = total[place]
        lost[target] = lost[place]
    return size - (high - low)


@kernel(f"boolean(int32, int64, float64, int64, {FRACTIONS})")
def _is_near(key: int, schema: int, threshold: float, reach: int, fractions: Floats) -> bool:
    if reach == 0:
        return outer_bound(key, 0, schema, fractions) <= threshold
    return outer_bound(key, -1, schema, fractions) < threshold


@kernel("int64(int32[::1], float64[::1], float64[::1], int64, float64[::1], float64[::1])")
def map_custom(key: Keys, total: Floats, lost: Floats, size: int, bounds: Floats, fewer: Floats) -> int:
    """Merge custom buckets into those of `fewer` bounds, all of which are among `bounds`."""
    kept = 0
    target = 0
    for place in range(size):
        number = key[place] - POSITIVE
        if number >= len(bounds):
            target = len(fewer)
        else:
            while target < len(fewer) and fewer[target] < bounds[number]:
                target += 1
        kept = append_bucket(key, total, lost, kept, place, POSITIVE + target)
    return kept


@kernel("int64(float64[::1], float64[::1], float64[::1])")
def intersect_bounds(left: Floats, right: Floats, both: Floats) -> int:
    """Write the bounds that are in both; return how many."""
    i, j, size = 0, 0, 0
    while i < len(left) and j < len(right):
        if left[i] == right[j]:
            both[size] = left[i]
            size += 1
            i += 1
            j += 1
        elif left[i] < right[j]:
            i += 1
        else:
            j += 1
    return size


@kernel(
    "int64(int32[::1], float64[::1], float64[::1], int64, int32[::1], float64[::1], float64[::1], int64)"
)  # fmt: skip
def merge_buckets(
    key: Keys, total: Floats, lost: Floats, size: int,
    other_key: Keys, other_total: Floats, other_lost: Floats, other_size: int,
) -> int:  # fmt: skip
    """Add the other's buckets; those that are new move the rest up, from the end, so one array is enough."""
    fresh = _count_missing(key, size, other_key, other_size)
    here, there, target = size - 1, other_size - 1, size + fresh - 1
    while there >= 0:
        if here >= 0 and key[here] >= other_key[there]:
            key[target] = key[here]
            total[target] = total[here]
            lost[target] = lost[here]
            if key[here] == other_key[there]:
                total[target], lost[target] = add_compensated(other_total[there], total[target], lost[target])
                if other_lost[there] != 0.0:
                    total[target], lost[target] = add_compensated(other_lost[there], total[target], lost[target])
                there -= 1
            here -= 1
        else:
            key[target] = other_key[there]
            total[target] = other_total[there]
            lost[target] = other_lost[there]
            there -= 1
        target -= 1
    return size + fresh


@kernel("int64(int32[::1], int64, int32[::1], int64)")
def _count_missing(key: Keys, size: int, other_key: Keys, other_size: int) -> int:
    missing = 0
    here = 0
    for there in range(other_size):
        while here < size and key[here] < other_key[there]:
            here += 1
        if here == size or key[here] != other_key[there]:
            missing += 1
    return missing
