"""The places of a native histogram: its buckets in the order of the values they hold, the zero bucket among them.

    place        0 …             m             … size - 1
    bucket       negative ones   zero bucket   positive ones        the zero bucket only where it counts something

It cuts its neighbours off where they overlap. Inside a bucket observations are spread evenly: over values with custom
bounds and in the zero bucket, over their logarithms elsewhere.

The columns of histograms come in one order, spelled by COLUMNS:

    schema int8[h] · zero_threshold, zero_count float64[h] · start int64[h + 1] · key int32[b] · held float64[b] ·
    bounds_row int32[h] · bounds_start int64[r + 1] · bounds float64[…] · fractions float64[256]

Source: Prometheus 3.14, model/histogram/float_histogram.go (AllBucketIterator), generic.go (FractionBelow).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.histogram_bounds import FRACTIONS, bucket_bounds, outside_zero

Longs = NDArray[np.int64]
Keys = NDArray[np.int32]
Floats = NDArray[np.float64]
Schemas = NDArray[np.int8]
Notes = NDArray[np.uint8]

COLUMNS = (
    "int8[::1], float64[::1], float64[::1], int64[::1], int32[::1], float64[::1],"
    f" int32[::1], int64[::1], float64[::1], {FRACTIONS}"
)
# What a quantile or a fraction has to say of observations that are NaN, which are in no bucket.
NOTHING, LOST, SKEWED = 0, 1, 2


@kernel("int64(int64[::1], int32[::1], int64)")
def count_negatives(start: Longs, key: Keys, row: int) -> int:
    """Return how many buckets a histogram has on its negative side."""
    low = start[row]
    high = start[row + 1]
    while low < high:
        middle = (low + high) // 2
        if key[middle] < 0:
            low = middle + 1
        else:
            high = middle
    negatives: int = low - start[row]
    return negatives


@kernel("float64(int64, int64, int64, float64[::1], int64[::1], float64[::1])")
def count_at(place: int, negatives: int, row: int, zero_count: Floats, start: Longs, held: Floats) -> float:
    """Return the count of the bucket at a place of a histogram."""
    count: float = zero_count[row]
    if place < negatives or not zero_count[row] > 0.0:
        count = held[start[row] + place]
    elif place > negatives:
        count = held[start[row] + place - 1]
    return count


@kernel(
    "UniTuple(float64, 2)(int64, int64, int64, int8[::1], float64[::1], float64[::1], int64[::1], int32[::1],"
    f" int32[::1], int64[::1], float64[::1], {FRACTIONS})"
)
def bounds_at(
    place: int, negatives: int, row: int,
    schema: Schemas, zero_threshold: Floats, zero_count: Floats, start: Longs, key: Keys, bounds_row: Keys,
    bounds_start: Longs, bounds: Floats, fractions: Floats,
) -> tuple[float, float]:  # fmt: skip
    """Return the bounds of the bucket at a place of a histogram."""
    threshold = zero_threshold[row]
    at = start[row] + place
    if place >= negatives and zero_count[row] > 0.0:
        if place == negatives:
            return -threshold, threshold
        at -= 1
    first = bounds_start[bounds_row[row]]
    last = bounds_start[bounds_row[row] + 1]
    lower, upper = bucket_bounds(key[at], schema[row], fractions, bounds, first, last)
    return outside_zero(lower, upper, threshold)


@kernel("float64(float64, float64, float64, int64)")
def fraction_below(value: float, lower: float, upper: float, linear: int) -> float:
    """Return which part of a bucket lies below a value strictly inside its finite bounds."""
    if linear:
        return (value - lower) / (upper - lower)
    log_lower = math.log2(abs(lower))
    log_upper = math.log2(abs(upper))
    log_value = math.log2(abs(value))
    if value > 0.0:
        return (log_value - log_lower) / (log_upper - log_lower)
    return 1.0 - (log_value - log_upper) / (log_lower - log_upper)


@kernel("UniTuple(float64, 2)(float64, float64, int64, int64)")
def narrow_zero(lower: float, upper: float, negatives: int, buckets: int) -> tuple[float, float]:
    """Return the bounds of a bucket around 0, ended there where all other buckets lie on one side."""
    if buckets > 0 and negatives == 0:
        return 0.0, upper
    if buckets > 0 and negatives == buckets:
        return lower, 0.0
    return lower, upper
