"""Where the buckets of exponential histograms end.

    bucket `index` of schema s is (base^(index - 1), base^index], base = 2^(2^-s)
    fractions float64[256]: base^k of schema 8, k = 0 … 255, halved: the part of a bound in [0.5, 1)

A lower schema uses every 2^(8 - s)th fraction. Bounds are compared exactly when zero buckets of two widths meet, so
the fractions must be Prometheus' own, which lie up to four places from the nearest float64: they come from splitting
each interval in two, eight times.

Source: Prometheus 3.14, model/histogram/generic.go, getBoundExponential and exponentialBounds (all 511 are equal).
"""

from __future__ import annotations

import functools
import math
import sys

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Floats = NDArray[np.float64]

LARGEST = sys.float_info.max


@functools.cache
def bound_fractions() -> Floats:
    """Return float64[256], read-only: what `upper_bound` needs."""
    fractions = [0.5, 1 / math.sqrt(2)]
    for schema in range(2, 9):
        fractions = [part for start in fractions for part in (start, start * 2 ** (2**-schema))]
    table = np.array(fractions)
    table.flags.writeable = False
    return table


@kernel("float64(int64, int64, Array(float64, 1, 'C', readonly=True))")
def upper_bound(index: int, schema: int, fractions: Floats) -> float:
    """Return the upper bound of an exponential bucket; its lower bound is that of the bucket before.

    The last bucket of finite values ends at the largest float64, so that only infinite values lie above.
    """
    if schema < 0:
        exponent = (index << -schema) + 1
        fraction = 0.5
    else:
        exponent = (index >> schema) + 1
        fraction = fractions[(index & ((1 << schema) - 1)) << (8 - schema)]
    if exponent <= 1024:
        return math.ldexp(fraction, exponent)
    return LARGEST if exponent == 1025 and fraction == 0.5 else math.inf
