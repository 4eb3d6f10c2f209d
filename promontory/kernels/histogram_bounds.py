"""The bounds of a native histogram's buckets.

    exponential, schema s   bucket `index` of the positive side holds (upper(index - 1), upper(index)]
    upper(index)          = fractions[low s bits of index] * 2^((index >> s) + 1)        fractions in [0.5, 1)
    custom bounds           bucket `index` holds (bound[index - 1], bound[index]], from -Inf and to +Inf at the ends

The last exponential bucket of ordinary numbers ends at the greatest float64, because the one behind it is for +Inf.
A key is POSITIVE + index on the positive side and its negative on the other (model/histograms.py).

Source: Prometheus 3.14, model/histogram/generic.go (getBound) and float_histogram.go (AllBucketIterator).
"""

from __future__ import annotations

import functools
import math
import sys

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Floats = NDArray[np.float64]

# How the parameter `fractions` is spelled in the signatures of kernels.
FRACTIONS = "Array(float64, 1, 'C', readonly=True)"

POSITIVE = 1 << 24
CUSTOM_SCHEMA = -53
LARGEST = sys.float_info.max


@functools.cache
def bound_fractions() -> Floats:
    """Return float64[256], read-only: 2^(i/256 - 1), to the digit as Prometheus has them.

    Its table was made by doubling the resolution eight times, each odd entry the even one before it times a root of
    2; the rounding of those products (up to 4 units in the last place) is part of the bounds that answers show, so
    the rightly rounded powers are the wrong ones.
    """
    fractions = [0.5]
    root = 2.0
    for level in range(8):
        root = math.sqrt(root)
        factor = 2.0 / root if level == 0 else root
        fractions = [entry for fraction in fractions for entry in (fraction, fraction * factor)]
    table = np.array(fractions)
    table.flags.writeable = False
    return table


@kernel(f"float64(int64, int64, {FRACTIONS})")
def upper_bound(index: int, schema: int, fractions: Floats) -> float:
    """Return the upper bound of a bucket of the positive side of an exponential schema; 0 and +Inf where none is."""
    index, schema = int(index), int(schema)  # for plain Python, where narrow columns would shift within themselves
    if schema < 0:
        fraction = 0.5
        exponent = (index << -schema) + 1
    else:
        fraction = fractions[(index & ((1 << schema) - 1)) << (8 - schema)]
        exponent = (index >> schema) + 1
    if exponent > 1024:
        return LARGEST if fraction == 0.5 and exponent == 1025 else math.inf
    return math.ldexp(fraction, exponent)


@kernel("float64(int64, float64[::1], int64, int64)")
def custom_bound(index: int, bounds: Floats, first: int, last: int) -> float:
    """Return the upper bound of bucket `index` of the custom bounds bounds[first:last]."""
    if index < 0:
        return -math.inf
    bound: float = math.inf if index >= last - first else bounds[first + index]
    return bound


@kernel(f"UniTuple(float64, 2)(int64, int64, {FRACTIONS}, float64[::1], int64, int64)")
def bucket_bounds(
    key: int, schema: int, fractions: Floats, bounds: Floats, first: int, last: int
) -> tuple[float, float]:  # fmt: skip
    """Return (lower, upper) of the bucket of a key; bounds[first:last] are the custom bounds, if the schema says so."""
    if schema == CUSTOM_SCHEMA:
        index = key - POSITIVE
        return custom_bound(index - 1, bounds, first, last), custom_bound(index, bounds, first, last)
    if key > 0:
        index = key - POSITIVE
        return upper_bound(index - 1, schema, fractions), upper_bound(index, schema, fractions)
    index = -key - POSITIVE
    return -upper_bound(index, schema, fractions), -upper_bound(index - 1, schema, fractions)


@kernel("UniTuple(float64, 2)(float64, float64, float64)")
def outside_zero(lower: float, upper: float, threshold: float) -> tuple[float, float]:
    """Return the bounds of a bucket with the part that the zero bucket covers cut off."""
    if -threshold < upper < 0.0:
        return lower, -threshold
    if 0.0 < lower < threshold:
        return threshold, upper
    return lower, upper
