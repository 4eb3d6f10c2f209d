"""Quantiles of sorted values and of classic histograms.

A quantile q of n sorted values lies at rank q * (n - 1); between two values it is interpolated. NaN sorts first.
q < 0 gives -Inf, q > 1 +Inf, NaN gives NaN.

Source: Prometheus 3.14, promql/quantile.go.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Relative differences between neighbouring buckets below this are noise of floating point.
SMALL_DELTA = 1e-12


@kernel("float64(float64)")
def quantile_beyond(quantile: float) -> float:
    """Return what a quantile that is not within [0, 1] is of any values."""
    if math.isnan(quantile):
        return math.nan
    return -math.inf if quantile < 0.0 else math.inf


@kernel("float64(float64, float64[::1], int64, int64)")
def interpolate_numbers(quantile: float, ordered: Floats, numbers: int, nans: int) -> float:
    """Return the quantile of `nans` NaN and the sorted ordered[:numbers], one value at least."""
    if not 0.0 <= quantile <= 1.0:
        return quantile_beyond(quantile)
    rank = quantile * (numbers + nans - 1)
    below = int(rank)
    weight = rank - below
    above = min(numbers + nans - 1, below + 1)
    if below < nans:
        return math.nan
    value: float = ordered[below - nans] * (1.0 - weight) + ordered[above - nans] * weight
    return value


@kernel("float64(float64, float64[::1], int64)")
def interpolate_sorted(quantile: float, ordered: Floats, count: int) -> float:
    """Return the quantile of the sorted values ordered[:count]."""
    return interpolate_numbers(quantile, ordered, count, 0) if count else math.nan


@kernel("boolean(float64, float64)")
def almost_equal(left: float, right: float) -> bool:
    """Say whether two counts differ by noise only."""
    if left == right:
        return True
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    size = abs(left) + abs(right)
    smallest = 2.2250738585072014e-308
    if left == 0.0 or right == 0.0 or size < smallest:
        return abs(left - right) < SMALL_DELTA * smallest
    return abs(left - right) / min(size, 1.7976931348623157e308) < SMALL_DELTA


@kernel("int64(float64[::1], float64[::1], int64, float64[::1])")
def smooth_buckets(bounds: Floats, counts: Floats, count: int, forced: Floats) -> int:
    """Merge equal bounds and take away decreases, in place; return how many buckets are left.

    forced: float64[4], set to (1, lowest bound, highest bound, greatest decrease) where a decrease was not noise;
    forced[0] is 0 otherwise.
    """
    kept = 0
    for i in range(1, count):
        if bounds[i] == bounds[kept]:
            counts[kept] += counts[i]
        else:
            kept += 1
            bounds[kept] = bounds[i]
            counts[kept] = counts[i]
    forced[0] = 0.0
    forced[1] = math.inf
    forced[2] = -math.inf
    forced[3] = 0.0
    before = counts[0]
    for i in range(1, kept + 1):
        if counts[i] == before:
            continue
        if almost_equal(before, counts[i]):
            counts[i] = before
        elif counts[i] < before:
            forced[0] = 1.0
            forced[1] = min(forced[1], bounds[i])
            forced[2] = max(forced[2], bounds[i])
            forced[3] = max(forced[3], before - counts[i])
            counts[i] = before
        else:
            before = counts[i]
    return kept + 1


@kernel("float64(float64, float64[::1], float64[::1], int64, float64[::1])")
def bucket_quantile(quantile: float, bounds: Floats, counts: Floats, count: int, forced: Floats) -> float:
    """Return the quantile of a classic histogram; bounds rising, counts cumulative; both are overwritten.

    `forced` is as in smooth_buckets. NaN where the last bound is not +Inf, for one bucket, and for no observations.
    """
    forced[0] = 0.0
    if not 0.0 <= quantile <= 1.0:
        return quantile_beyond(quantile)
    if bounds[count - 1] != math.inf:
        return math.nan
    count = smooth_buckets(bounds, counts, count, forced)
    observations = counts[count - 1]
    if count < 2 or observations == 0.0:
        return math.nan
    rank = quantile * observations
    below = 0
    above = count - 1
    while below < above:
        middle = (below + above) // 2
        if counts[middle] >= rank:
            above = middle
        else:
            below = middle + 1
    value: float = bounds[below]
    if below == count - 1:
        value = bounds[count - 2]
        return value
    if below == 0 and value <= 0.0:
        return value
    from_bound = 0.0
    inside = counts[below]
    if below > 0:
        from_bound = bounds[below - 1]
        inside -= counts[below - 1]
        rank -= counts[below - 1]
    value = from_bound + (bounds[below] - from_bound) * (rank / inside)
    return value


@kernel(
    "int64(float64[:, ::1], boolean[:, ::1], float64[::1], int64[::1], int64[::1], float64[::1], uint8[::1],"
    " float64[::1], float64[::1], float64[:, ::1], boolean[:, ::1], float64[:, ::1])"
)
def histogram_quantiles(
    values: Floats, present: Flags, bounds: Floats, rows: Longs, group_start: Longs, quantile: Floats,
    stop: NDArray[np.uint8], scratch_bounds: Floats, scratch_counts: Floats,
    out: Floats, out_present: Flags, forced: Floats,
) -> int:  # fmt: skip
    """Evaluate quantile[j] of each group's buckets at each time; return how many groups were done.

    values, present: [n, k] · bounds: float64[n], the upper bound of each row · rows: int64[n], rows by group and
    rising bound · group_start: int64[g + 1] · scratch: float64[n] each · out, out_present: [g, k] ·
    forced: float64[k, 4]: how many histograms were corrected at a time, and bounds and decrease over them
    """
    note = np.empty(4, np.float64)
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
            if count == 0:
                continue
            out[group, j] = bucket_quantile(quantile[j], scratch_bounds, scratch_counts, count, note)
            out_present[group, j] = True
            if note[0] != 0.0:
                forced[j, 1] = note[1] if forced[j, 0] == 0.0 else min(forced[j, 1], note[1])
                forced[j, 2] = note[2] if forced[j, 0] == 0.0 else max(forced[j, 2], note[2])
                forced[j, 3] = max(forced[j, 3], note[3])
                forced[j, 0] += 1.0
    return len(group_start) - 1
