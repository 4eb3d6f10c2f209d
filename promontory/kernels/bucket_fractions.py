"""Which part of the observations of classic histograms lies between two values.

A bucket counts all observations up to its bound; observations are spread evenly inside. The first bucket begins at 0,
or at -Inf where its bound is not above 0: of an infinite bucket all is taken or nothing.

Source: Prometheus 3.14, promql/quantile.go (BucketFraction).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]


@kernel("int64(float64[::1], float64[::1], int64)")
def merge_bounds(bounds: Floats, counts: Floats, count: int) -> int:
    """Add up the counts of equal bounds, in place; return how many buckets are left."""
    kept = 0
    for i in range(1, count):
        if bounds[i] == bounds[kept]:
            counts[kept] += counts[i]
        else:
            kept += 1
            bounds[kept] = bounds[i]
            counts[kept] = counts[i]
    return kept + 1


@kernel("float64(float64, float64[::1], float64[::1], int64)")
def rank_in_buckets(value: float, bounds: Floats, counts: Floats, count: int) -> float:
    """Return how many observations lie below a value, never more than there are."""
    lower = -math.inf if bounds[0] <= 0.0 else 0.0
    rank = 0.0
    most: float = counts[count - 1]
    for i in range(count):
        upper = bounds[i]
        if lower >= value:
            return min(rank, most)
        if upper > value:
            inside: float = counts[i]
            if lower > -math.inf:
                inside = rank + (counts[i] - rank) * (value - lower) / (upper - lower)
            return min(inside, most)
        rank = counts[i]
        lower = upper
    return most


@kernel("float64(float64, float64, float64[::1], float64[::1], int64)")
def bucket_fraction(least: float, most: float, bounds: Floats, counts: Floats, count: int) -> float:
    """Return the part of a classic histogram; bounds rising, counts cumulative; both are overwritten."""
    if bounds[count - 1] != math.inf:
        return math.nan
    count = merge_bounds(bounds, counts, count)
    observations = counts[count - 1]
    if observations == 0.0 or math.isnan(least) or math.isnan(most):
        return math.nan
    if least >= most:
        return 0.0
    below = rank_in_buckets(least, bounds, counts, count)
    part: float = (rank_in_buckets(most, bounds, counts, count) - below) / observations
    return part


@kernel(
    "int64(float64[:, ::1], boolean[:, ::1], float64[::1], int64[::1], int64[::1], float64[::1], float64[::1],"
    " uint8[::1], float64[::1], float64[::1], float64[:, ::1], boolean[:, ::1])"
)
def bucket_fractions(
    values: Floats, present: Flags, bounds: Floats, rows: Longs, group_start: Longs, least: Floats, most: Floats,
    stop: NDArray[np.uint8], scratch_bounds: Floats, scratch_counts: Floats, out: Floats, out_present: Flags,
) -> int:  # fmt: skip
    """Evaluate the part between least[j] and most[j] of each group's buckets at each time; return how many were done.

    values, present: [n, k] · bounds: float64[n], the upper bound of each row · rows: int64[n], rows by group and
    rising bound · group_start: int64[g + 1] · scratch: float64[n] each · out, out_present: [g, k]
    """
    for group in range(len(group_start) - 1):
        if stop[0] != 0:
            return group
        for j in range(values.shape[1]):
            count = 0
            for place in range(group_start[group], group_start[group + 1]):
                row = rows[place]
                if present[row, j]:
                    scratch_bounds[count] = bounds[row]
                    scratch_counts[count] = values[row, j]
                    count += 1
            if count > 0:
                out[group, j] = bucket_fraction(least[j], most[j], scratch_bounds, scratch_counts, count)
                out_present[group, j] = True
    return len(group_start) - 1
