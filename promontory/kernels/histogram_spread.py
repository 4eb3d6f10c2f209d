"""How far the observations of native histograms are from their mean.

Source: Prometheus 3.14, promql/functions.go (histogramVariance).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.histogram_bounds import CUSTOM_SCHEMA
from promontory.kernels.histogram_places import (
    COLUMNS,
    Floats,
    Keys,
    Longs,
    Schemas,
    bounds_at,
    count_at,
    count_negatives,
)
from promontory.kernels.neumaier import add_compensated


@kernel(f"int64(int64[::1], float64[::1], uint8[::1], float64[::1], {COLUMNS})")
def add_squares(
    rows: Longs, mean: Floats, stop: NDArray[np.uint8], out: Floats,
    schema: Schemas, zero_threshold: Floats, zero_count: Floats, start: Longs, key: Keys, held: Floats,
    bounds_row: Keys, bounds_start: Longs, bounds: Floats, fractions: Floats,
) -> int:  # fmt: skip
    """Write to out[i] the squared distances from mean[i] of the observations of histogram rows[i], added up.

    An observation stands in the middle of its bucket: the geometric one, the arithmetic one with custom bounds.
    """
    for i in range(len(rows)):
        if i % 4096 == 0 and stop[0] != 0:
            return i
        row = rows[i]
        negatives = count_negatives(start, key, row)
        squares = 0.0
        lost = 0.0
        for place in range(start[row + 1] - start[row] + (1 if zero_count[row] > 0.0 else 0)):
            lower, upper = bounds_at(
                place, negatives, row, schema, zero_threshold, zero_count, start, key, bounds_row, bounds_start,
                bounds, fractions,
            )  # fmt: skip
            if schema[row] == CUSTOM_SCHEMA:
                middle = (upper + lower) / 2.0
            elif lower <= 0.0 and upper >= 0.0:
                middle = 0.0
            else:
                middle = np.sqrt(upper * lower)
                if upper < 0.0:
                    middle = -middle
            distance = middle - mean[i]
            square = count_at(place, negatives, row, zero_count, start, held) * distance * distance
            squares, lost = add_compensated(square, squares, lost)
        out[i] = squares + lost
    return len(rows)
