"""Folding rows into groups: sum, avg, min, max, count, stddev, stdvar.

    values [n, k] -- group int32[n] --> states [g, k], zero at first

Rows are folded in order, one after the other, so the digits of a result do not depend on how the rows were cut into
batches. Every kernel returns how many rows were done before `stop` was set.

Source: Prometheus 3.14, promql/engine.go, aggregation.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.neumaier import add_compensated

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Groups = NDArray[np.int32]
Stop = NDArray[np.uint8]

ROWS = "int64(float64[:, ::1], boolean[:, ::1], int32[::1], uint8[::1],"


@kernel(f"{ROWS} boolean[:, ::1], float64[:, ::1], float64[:, ::1])")
def fold_sum(
    values: Floats, present: Flags, group: Groups, stop: Stop, seen: Flags, total: Floats, lost: Floats
) -> int:
    """Add the rows to their groups, compensated: the sum is total + lost."""
    for row in range(values.shape[0]):
        if stop[0] != 0:
            return row
        into = group[row]
        row_values = values[row]
        row_present = present[row]
        for j in range(len(row_values)):
            if row_present[j]:
                total[into, j], lost[into, j] = add_compensated(row_values[j], total[into, j], lost[into, j])
                seen[into, j] = True
    return len(values)


@kernel(f"{ROWS} float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1])")
def fold_avg(
    values: Floats, present: Flags, group: Groups, stop: Stop,
    count: Floats, total: Floats, lost: Floats, running: Floats,
) -> int:  # fmt: skip
    """Add the rows to their groups; where a sum would overflow, `running` becomes 1 and `total` the mean so far."""
    for row in range(values.shape[0]):
        if stop[0] != 0:
            return row
        into = group[row]
        for j in range(values.shape[1]):
            if not present[row, j]:
                continue
            value = values[row, j]
            count[into, j] += 1.0
            seen = count[into, j]
            if seen == 1.0:
                total[into, j] = value
                continue
            if running[into, j] == 0.0:
                raised, raised_lost = add_compensated(value, total[into, j], lost[into, j])
                if not math.isinf(raised):
                    total[into, j] = raised
                    lost[into, j] = raised_lost
                    continue
                running[into, j] = 1.0
                total[into, j] /= seen - 1.0
                lost[into, j] /= seen - 1.0
            weight = (seen - 1.0) / seen
            total[into, j], lost[into, j] = add_compensated(
                value / seen, weight * total[into, j], weight * lost[into, j]
            )
    return len(values)


@kernel(f"{ROWS} boolean[:, ::1], float64[:, ::1])")
def fold_min(values: Floats, present: Flags, group: Groups, stop: Stop, seen: Flags, least: Floats) -> int:
    """Keep the smallest value of each group; any number replaces NaN."""
    for row in range(values.shape[0]):
        if stop[0] != 0:
            return row
        into = group[row]
        for j in range(values.shape[1]):
            if present[row, j]:
                found = least[into, j]
                if not seen[into, j] or found > values[row, j] or math.isnan(found):
                    least[into, j] = values[row, j]
                seen[into, j] = True
    return len(values)


@kernel(f"{ROWS} boolean[:, ::1], float64[:, ::1])")
def fold_max(values: Floats, present: Flags, group: Groups, stop: Stop, seen: Flags, most: Floats) -> int:
    """Keep the greatest value of each group; any number replaces NaN."""
    for row in range(values.shape[0]):
        if stop[0] != 0:
            return row
        into = group[row]
        for j in range(values.shape[1]):
            if present[row, j]:
                found = most[into, j]
                if not seen[into, j] or found < values[row, j] or math.isnan(found):
                    most[into, j] = values[row, j]
                seen[into, j] = True
    return len(values)


@kernel(f"{ROWS} float64[:, ::1])")
def fold_count(values: Floats, present: Flags, group: Groups, stop: Stop, count: Floats) -> int:
    """Count the present values of each group."""
    for row in range(values.shape[0]):
        if stop[0] != 0:
            return row
        into = group[row]
        for j in range(values.shape[1]):
            if present[row, j]:
                count[into, j] += 1.0
    return len(values)


@kernel(f"{ROWS} float64[:, ::1], float64[:, ::1], float64[:, ::1])")
def fold_variance(
    values: Floats, present: Flags, group: Groups, stop: Stop, count: Floats, mean: Floats, squares: Floats
) -> int:
    """Fold into count, mean and sum of squared distances (Welford); a first NaN or Inf makes the group NaN."""
    for row in range(values.shape[0]):
        if stop[0] != 0:
            return row
        into = group[row]
        for j in range(values.shape[1]):
            if not present[row, j]:
                continue
            value = values[row, j]
            count[into, j] += 1.0
            if count[into, j] == 1.0:
                mean[into, j] = value
                squares[into, j] = math.nan if math.isnan(value) or math.isinf(value) else 0.0
                continue
            distance = value - mean[into, j]
            mean[into, j] += distance / count[into, j]
            squares[into, j] += distance * (value - mean[into, j])
    return len(values)
