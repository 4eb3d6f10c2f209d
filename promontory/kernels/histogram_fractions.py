"""Which part of the observations of native histograms lies between two values.

Source: Prometheus 3.14, promql/quantile.go (HistogramFraction).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.histogram_bounds import CUSTOM_SCHEMA
from promontory.kernels.histogram_places import (
    COLUMNS,
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
    fraction_below,
    narrow_zero,
)


@kernel("float64(float64, float64, float64, float64, float64, int64)")
def rank_below(value: float, rank: float, inside: float, lower: float, upper: float, linear: int) -> float:
    """Return how many observations lie below a value that a bucket holds or lies above; `rank` are before it."""
    if lower >= value:
        return rank
    if linear and lower == -math.inf:
        return inside
    return rank + inside * fraction_below(value, lower, upper, linear)


@kernel(f"float64(float64, float64, float64, float64, int64, int64, uint8[::1], {COLUMNS})")
def fraction_of(
    least: float, most: float, count: float, total: float, row: int, note: int, notes: Notes,
    schema: Schemas, zero_threshold: Floats, zero_count: Floats, start: Longs, key: Keys, held: Floats,
    bounds_row: Keys, bounds_start: Longs, bounds: Floats, fractions: Floats,
) -> float:  # fmt: skip
    """Return the part of one histogram's observations between two values; notes as in quantile_of."""
    if count == 0.0 or math.isnan(least) or math.isnan(most):
        return math.nan
    if least >= most:
        return 0.0
    negatives = count_negatives(start, key, row)
    buckets = start[row + 1] - start[row]
    size = buckets + (1 if zero_count[row] > 0.0 else 0)
    custom = schema[row] == CUSTOM_SCHEMA
    least_rank = -1.0
    most_rank = -1.0
    least_known = False
    most_known = False
    rank = 0.0
    counted = 0.0
    for place in range(size):
        inside = count_at(place, negatives, row, zero_count, start, held)
        counted += inside
        if least_known and most_known:
            continue
        lower, upper = bounds_at(
            place, negatives, row, schema, zero_threshold, zero_count, start, key, bounds_row, bounds_start, bounds,
            fractions,
        )  # fmt: skip
        around_zero = lower <= 0.0 and upper >= 0.0
        if around_zero:
            lower, upper = narrow_zero(lower, upper, negatives, buckets)
        if not least_known and (lower >= least or upper > least):
            least_rank = rank_below(least, rank, inside, lower, upper, custom or around_zero)
            least_known = True
        if not most_known and (lower >= most or upper > most):
            most_rank = rank_below(most, rank, inside, lower, upper, custom or around_zero)
            most_known = True
        rank += inside
    if math.isnan(total):
        notes[note] = SKEWED if counted < count else NOTHING
    else:
        counted = count
    if not least_known or least_rank > counted:
        least_rank = counted
    if not most_known or most_rank > counted:
        most_rank = counted
    return (most_rank - least_rank) / count


@kernel(
    "int64(int64[::1], float64[::1], float64[::1], uint8[::1], float64[::1], uint8[::1], float64[::1], float64[::1],"
    f" {COLUMNS})"
)
def find_fractions(
    rows: Longs, least: Floats, most: Floats, stop: NDArray[np.uint8], out: Floats, notes: Notes, count: Floats,
    total: Floats,
    schema: Schemas, zero_threshold: Floats, zero_count: Floats, start: Longs, key: Keys, held: Floats,
    bounds_row: Keys, bounds_start: Longs, bounds: Floats, fractions: Floats,
) -> int:  # fmt: skip
    """Write the part of histogram rows[i] between least[i] and most[i] to out[i]; else as find_quantiles."""
    for i in range(len(rows)):
        if i % 4096 == 0 and stop[0] != 0:
            return i
        row = rows[i]
        out[i] = fraction_of(
            least[i], most[i], count[row], total[row], row, i, notes, schema, zero_threshold, zero_count, start, key,
            held, bounds_row, bounds_start, bounds, fractions,
        )  # fmt: skip
    return len(rows)
