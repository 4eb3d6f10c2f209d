"""How long samples are as Prometheus' JSON, without writing them, where that is cheap to know.

Counters, constants and values of up to three decimals tell their length by their size. The shortest text of any other
value has to be searched for, which is most of writing it: there the answer is that the length is not known.
Source: the writer of the same texts, promontory/kernels/json.py; tests hold the two together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import inlined, kernel
from promontory.kernels.digits import POWERS, count_digits
from promontory.kernels.json import (
    EXPONENT_BITS,
    LARGEST_WHOLE,
    LARGEST_WITH_THOUSANDTHS,
    ROUNDING,
    SIGN_BIT,
)
from promontory.kernels.memory import count_leading_zeros, wrap64

Longs = NDArray[np.int64]

UNKNOWN = -1
# `[`, `,"`, `"],`
SAMPLE_FRAME_BYTES = 6


@inlined
def digits_of(number: int) -> int:
    """Return how many decimal digits a number below 2**53 has; 1 for zero."""
    bits = 64 - int(count_leading_zeros(wrap64(number) | wrap64(1)))
    guess = (bits * 1233) >> 12
    return guess + (1 if wrap64(number) | wrap64(1) >= wrap64(POWERS[guess]) else 0)


@inlined
def value_bytes(value: float, bits: int) -> int:
    """Return the length of a value's text, UNKNOWN where its digits have to be searched for."""
    size = wrap64(bits) & wrap64(SIGN_BIT - 1)
    if size >= wrap64(EXPONENT_BITS):
        return 3 if size > wrap64(EXPONENT_BITS) else 4
    sign = 1 if size != wrap64(bits) else 0
    value = abs(value)
    if value >= LARGEST_WHOLE:
        return UNKNOWN
    whole = int(value)
    if whole == value:
        return sign + digits_of(whole)
    if value >= LARGEST_WITH_THOUSANDTHS:
        return UNKNOWN
    scaled = value * 1000.0
    thousandths = np.floor(scaled + 0.5)
    if not (abs(scaled - thousandths) <= scaled * ROUNDING and thousandths / 1000.0 == value):
        return UNKNOWN
    rest = int(thousandths) - whole * 1000
    if rest % 10:
        return sign + digits_of(whole) + 4
    return sign + digits_of(whole) + (3 if rest % 100 else 2)


@kernel("int64(int64[::1], float64[::1], uint64[::1])")
def measure_samples(times_ms: Longs, values: NDArray[np.float64], bits: NDArray[np.uint64]) -> int:
    """Return the bytes of `[time,"value"],` for all samples, UNKNOWN where one of them is. `bits` are the values' own.

    Times of one count of digits follow each other: [first, end) are the milliseconds that have as many as the last.
    """
    total = 0
    first, end, digits = 0, 0, 0
    for j in range(len(values)):
        length = value_bytes(values[j], bits[j])
        if length == UNKNOWN:
            return UNKNOWN
        time_ms = times_ms[j]
        if not first <= time_ms < end:
            if time_ms < 0 or time_ms >= 10**17:
                return UNKNOWN
            digits = count_digits(wrap64(time_ms // 1000))
            first = 0 if digits == 1 else 1000 * int(POWERS[digits - 1])
            end = 1000 * int(POWERS[digits])
        total += SAMPLE_FRAME_BYTES + length + digits + (4 if time_ms % 1000 else 0)
    return total
