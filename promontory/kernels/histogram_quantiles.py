"""Quantiles of native histograms.

The rank is counted from the nearer end; in the bucket where it is reached its value is read off.

Source: Prometheus 3.14, promql/quantile.go (HistogramQuantile).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.histogram_bounds import CUSTOM_SCHEMA
from promontory.kernels.histogram_places import (
    COLUMNS,
    LOST,
    NOTHING,
    SKEWED,
    Floats,
    Keys,
    Longs,
    Notes,
    Schemas,
    bounds_at,
    count_at,
    count_negatives,
    narrow_zero,
)


@kernel("float64(float64, float64, float64, int64)")
def value_at(fraction: float, lower: float, upper: float, linear: int) -> float:
    """Return the value below which that part of a bucket lies."""
    if linear:
        return lower + (upper - lower) * fraction
    log_lower = math.log2(abs(lower))
    log_upper = math.log2(abs(upper))
    value: float
    if lower > 0.0:
        value = np.exp2(log_lower + (log_upper - log_lower) * fraction)
    else:
        value = -np.exp2(log_upper + (log_lower - log_upper) * (1.0 - fraction))
    return value


@kernel("Tuple((int64, float64, float64))(float64, int64, int64, int64, int64, float64[::1], int64[::1], float64[::1])")
def reach_rank(
    rank: float, forward: int, size: int, negatives: int, row: int, zero_count: Floats, start: Longs, held: Floats
) -> tuple[int, float, float]:
    """Return (place, seen, inside): where the counts from one end add up to the rank, their sum, the last of them.

    The last place where they never do; -1 without buckets.
    """
    place = -1
    seen = 0.0
    inside = 0.0
    for step in range(size):
        place = step if forward else size - 1 - step
        inside = count_at(place, negatives, row, zero_count, start, held)
        seen += inside
        if seen >= rank:
            break
    return place, seen, inside


@kernel(f"float64(float64, float64, float64, int64, int64, uint8[::1], {COLUMNS})")
def quantile_of(
    quantile: float, count: float, total: float, row: int, note: int, notes: Notes,
    schema: Schemas, zero_threshold: Floats, zero_count: Floats, start: Longs, key: Keys, held: Floats,
    bounds_row: Keys, bounds_start: Longs, bounds: Floats, fractions: Floats,
) -> float:  # fmt: skip
    """Return a quantile of one histogram of that count and sum; notes[note] says what NaN observations did to it."""
    if quantile < 0.0:
        return -math.inf
    if quantile > 1.0:
        return math.inf
    if count == 0.0 or math.isnan(quantile):
        return math.nan
    # From the nearer end, where less is added up; NaN observations count above all buckets, so not from above.
    nans = math.isnan(total)
    forward = nans or quantile < 0.5
    rank = quantile * count if forward else (1.0 - quantile) * count
    negatives = count_negatives(start, key, row)
    buckets = start[row + 1] - start[row]
    size = buckets + (1 if zero_count[row] > 0.0 else 0)
    place, seen, inside = reach_rank(rank, forward, size, negatives, row, zero_count, start, held)
    lower = 0.0
    upper = 0.0
    if place >= 0:
        lower, upper = bounds_at(
            place, negatives, row, schema, zero_threshold, zero_count, start, key, bounds_row, bounds_start, bounds,
            fractions,
        )  # fmt: skip
    custom = schema[row] == CUSTOM_SCHEMA
    if not custom and lower < 0.0 and upper > 0.0:
        lower, upper = narrow_zero(lower, upper, negatives, buckets)
    elif custom and lower == -math.inf:
        if upper <= 0.0:
            return upper
        lower = 0.0
    elif custom and upper == math.inf:
        return lower
    seen = min(seen, count)
    if seen < rank:
        notes[note] = LOST if nans else NOTHING
        return math.nan if nans else upper
    rank = rank - (seen - inside) if forward else seen - rank
    if nans:
        last = size - 1
        for later in range(place + 1, size):
            seen += count_at(later, negatives, row, zero_count, start, held)
        notes[note] = SKEWED if seen < count else NOTHING
        if place < last:
            # Prometheus looks at the other buckets to see whether observations are missing, and then interpolates
            # in the last of them, not in the one it had found. That one would be right, and another answer.
            inside = count_at(last, negatives, row, zero_count, start, held)
            lower, upper = bounds_at(
                last, negatives, row, schema, zero_threshold, zero_count, start, key, bounds_row, bounds_start,
                bounds, fractions,
            )  # fmt: skip
    if place < 0:
        return math.nan
    return value_at(rank / inside, lower, upper, custom or (lower <= 0.0 and upper >= 0.0))


@kernel(f"int64(int64[::1], float64[::1], uint8[::1], float64[::1], uint8[::1], float64[::1], float64[::1], {COLUMNS})")
def find_quantiles(
    rows: Longs, quantile: Floats, stop: NDArray[np.uint8], out: Floats, notes: Notes, count: Floats, total: Floats,
    schema: Schemas, zero_threshold: Floats, zero_count: Floats, start: Longs, key: Keys, held: Floats,
    bounds_row: Keys, bounds_start: Longs, bounds: Floats, fractions: Floats,
) -> int:  # fmt: skip
    """Write quantile[i] of histogram rows[i] to out[i], and to notes[i] a note; return how many were done.

    rows: int64[p] · quantile, out: float64[p] · notes: uint8[p], zeros · count, total: float64[h]
    """
    for i in range(len(rows)):
        if i % 4096 == 0 and stop[0] != 0:
            return i
        row = rows[i]
        out[i] = quantile_of(
            quantile[i], count[row], total[row], row, i, notes, schema, zero_threshold, zero_count, start, key, held,
            bounds_row, bounds_start, bounds, fractions,
        )  # fmt: skip
    return len(rows)
