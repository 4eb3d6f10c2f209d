"""Trimming native histograms: the observations on one side of a value, `h </ value` and `h >/ value`.

Buckets beyond the value go, the bucket that holds it is split as a fraction would split it (kernels/
histogram_places.py), and where anything went, count and sum are added up anew, each bucket's observations standing
in the middle of what is left of it. The zero bucket does not cut its neighbours here.

An infinite bucket cannot be split: its observations go, but for the cases in which the value itself is the best
guess of where they are (infinite_part).

Source: Prometheus 3.14, model/histogram/float_histogram.go (TrimBuckets and what it calls).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.histogram_bounds import CUSTOM_SCHEMA, bucket_bounds
from promontory.kernels.histogram_places import (
    COLUMNS,
    Floats,
    Keys,
    Longs,
    Schemas,
    count_negatives,
    fraction_below,
)


@kernel("float64(float64, float64, int64, int64)")
def middle_of(lower: float, upper: float, positive: int, linear: int) -> float:
    """Return where the observations between two bounds stand."""
    if math.isinf(lower):
        if math.isinf(upper):
            return 0.0
        return upper / 2.0 if upper > 0.0 else upper
    if math.isinf(upper):
        return lower
    if linear:
        return (lower + upper) / 2.0
    middle = math.sqrt(abs(lower * upper))
    return middle if positive else -middle


@kernel("float64(float64)")
def finite_or_zero(value: float) -> float:
    """Return the value, 0 for an infinite one."""
    return 0.0 if math.isinf(value) else value


@kernel("UniTuple(float64, 2)(float64, float64, float64, float64, int64)")
def infinite_part(value: float, lower: float, upper: float, inside: float, below: int) -> tuple[float, float]:
    """Return (how many of a bucket with an infinite bound stay, where they stand).

    From -Inf to a positive bound: as if from 0. From -Inf to 0 or less: all stand at the value, if what is below it
    stays. To +Inf: all stand at the value, if what is above it stays.
    """
    if lower == -math.inf:
        finite = upper != math.inf
        if below:
            if value >= upper:
                return inside, 0.0
            if value > 0.0 and upper > 0.0 and finite:
                return inside * value / upper, value / 2.0
            if upper <= 0.0:
                return inside, value
            return 0.0, finite_or_zero(upper)
        if value <= lower:
            return inside, 0.0
        if value >= 0.0 and upper > value and finite:
            return inside * (1.0 - value / upper), (value + upper) / 2.0
        return 0.0, finite_or_zero(upper)
    if not below and value >= lower:
        return inside, value
    return 0.0, finite_or_zero(lower)


@kernel("UniTuple(float64, 2)(float64, float64, float64, float64, int64, int64, int64)")
def bucket_part(
    value: float, lower: float, upper: float, inside: float, below: int, positive: int, linear: int
) -> tuple[float, float]:
    """Return (how many of a bucket's observations stay, where they stand)."""
    if (upper <= value) if below else (lower >= value):
        return inside, middle_of(lower, upper, positive, linear)
    if not ((lower < value) if below else (upper > value)):
        return 0.0, 0.0
    if lower == -math.inf or upper == math.inf:
        return infinite_part(value, lower, upper, inside, below)
    if value <= lower:
        under = 0.0
    elif value >= upper:
        under = inside
    else:
        under = inside * fraction_below(value, lower, upper, linear)
    if below:
        return under, middle_of(lower, value, positive, linear)
    return inside - under, middle_of(value, upper, positive, linear)


@kernel("UniTuple(float64, 2)(float64, float64, float64, float64, int64)")
def zero_part(value: float, lower: float, upper: float, inside: float, below: int) -> tuple[float, float]:
    """Return (how many of the zero bucket's observations stay, where they stand)."""
    if value <= lower:
        return (0.0, 0.0) if below else (inside, (lower + upper) / 2.0)
    if value >= upper:
        return (inside, (lower + upper) / 2.0) if below else (0.0, 0.0)
    if below:
        return inside * ((value - lower) / (upper - lower)), (lower + value) / 2.0
    return inside * ((upper - value) / (upper - lower)), (value + upper) / 2.0


@kernel(f"int64(float64[::1], int64, uint8[::1], float64[::1], float64[::1], float64[::1], float64[::1], {COLUMNS})")
def trim_histograms(
    value: Floats, below: int, stop: NDArray[np.uint8], kept: Floats, kept_zero: Floats, count: Floats, total: Floats,
    schema: Schemas, zero_threshold: Floats, zero_count: Floats, start: Longs, key: Keys, held: Floats,
    bounds_row: Keys, bounds_start: Longs, bounds: Floats, fractions: Floats,
) -> int:  # fmt: skip
    """Write what stays of each histogram below (or above) its value; return how many were done.

    value: float64[h] · kept: float64[b] · kept_zero: float64[h] · count, total: float64[h], count and sum of the
    histograms, written where something went
    """
    for row in range(len(value)):
        if row % 4096 == 0 and stop[0] != 0:
            return row
        first = start[row]
        last = start[row + 1]
        middle = first + count_negatives(start, key, row)
        linear = schema[row] == CUSTOM_SCHEMA
        bounds_first = bounds_start[bounds_row[row]]
        bounds_last = bounds_start[bounds_row[row] + 1]
        changed = False
        number = 0.0
        weight = 0.0
        for step in range(last - first):
            # Positive buckets first, both sides from 0 outwards: the order decides the digits of a sum.
            at = middle + step if middle + step < last else last - 1 - step
            lower, upper = bucket_bounds(key[at], schema[row], fractions, bounds, bounds_first, bounds_last)
            part, stand = bucket_part(value[row], lower, upper, held[at], below, at >= middle, linear)
            kept[at] = part
            if part != held[at]:
                changed = True
            number += part
            weight += stand * part
        kept_zero[row] = zero_count[row]
        if zero_count[row] > 0.0:
            upper = zero_threshold[row] if last > middle or middle == first else 0.0
            lower = -zero_threshold[row] if middle > first or middle == last else 0.0
            part, stand = zero_part(value[row], lower, upper, zero_count[row], below)
            kept_zero[row] = part
            if part != zero_count[row]:
                changed = True
            number += part
            weight += stand * part
        if changed:
            count[row] = number
            total[row] = weight
    return len(value)
