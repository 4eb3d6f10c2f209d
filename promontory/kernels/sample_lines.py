"""Samples as lines of text, one a sample, as `promtool tsdb dump` prints them, or as JSON.

    {__name__="up", job="a"} 1.5 1700000000000
    {"metric":{…},"value":"1.5","timestamp":1700000000000}

A line is the series' own beginning, the value between what opens and closes it, the time between the rest.
Source: prometheus cmd/promtool/tsdb.go (formatSeriesSet); Go's strconv, %g with the shortest digits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.digits import count_digits, write_decimal, write_whole
from promontory.kernels.json import copy_bytes, write_exponent, write_infinity
from promontory.kernels.memory import wrap64
from promontory.kernels.shortest import Powers, shorten

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

SIGN_BIT = 1 << 63
INFINITY = 0x7FF << 52
# The first digit stands for this power of ten at least, and below that, where %g writes no exponent.
LOWEST_PLAIN, BEYOND_PLAIN = -4, 6
# Bytes that a value and a time take at most, and what digits may be written beyond their end.
NUMBERS_BYTES = 64


@kernel("int64(uint64, uint64[:, ::1], uint8[::1], int64)")
def write_general(bits: int, powers: Powers, out: Bytes, position: int) -> int:
    """Write a float64, given as its bits, as Go's %g; return the position after it. `powers` are those of ten."""
    size = wrap64(bits) & wrap64(SIGN_BIT - 1)
    is_negative = size != wrap64(bits)
    if size > wrap64(INFINITY):
        out[position] = 0x4E
        out[position + 1] = 0x61
        out[position + 2] = 0x4E
        return position + 3
    if size == wrap64(INFINITY):
        out[position] = 0x2D if is_negative else 0x2B
        return write_infinity(out, position + 1)
    if is_negative:
        out[position] = 0x2D
        position += 1
    if size == wrap64(0):
        out[position] = 0x30
        return position + 1
    digits, exponent = shorten(size, powers)
    while digits % 10 == 0:
        digits //= 10
        exponent += 1
    power = count_digits(wrap64(digits)) + exponent - 1
    if power < LOWEST_PLAIN or power >= BEYOND_PLAIN:
        return write_exponent(digits, exponent, out, position)
    position = write_decimal(wrap64(digits), -exponent if exponent < 0 else 0, out, position)
    for _ in range(exponent):
        out[position] = 0x30
        position += 1
    return position


@kernel(
    "int64(octets, int64[::1], int64[::1], int64[::1], uint64[::1], int32[::1], octets, int64[::1], octets, octets,"
    " octets, octets, octets, uint64[:, ::1], uint8[::1])"
)
def write_lines(
    heads: Bytes, head_start: Longs, row_start: Longs, times_ms: Longs, bits: NDArray[np.uint64],
    cells: NDArray[np.int32], texts: Bytes, text_start: Longs, before_float: Bytes, after_float: Bytes,
    before_histogram: Bytes, between: Bytes, ending: Bytes, powers: Powers, out: Bytes,
) -> int:  # fmt: skip
    """Write a line for each sample of n rows; return the length.

    heads, head_start int64[n + 1]: the beginnings of lines · cells int32[m]: the histogram of a sample, -1 for a
    float · texts, text_start: the histograms as text · out: room for all of these and NUMBERS_BYTES a sample
    """
    position = 0
    for row in range(len(row_start) - 1):
        for sample in range(row_start[row], row_start[row + 1]):
            position = copy_bytes(heads, head_start[row], head_start[row + 1], out, position)
            cell = cells[sample]
            if cell < 0:
                position = copy_bytes(before_float, 0, len(before_float), out, position)
                position = write_general(bits[sample], powers, out, position)
                position = copy_bytes(after_float, 0, len(after_float), out, position)
            else:
                position = copy_bytes(before_histogram, 0, len(before_histogram), out, position)
                position = copy_bytes(texts, text_start[cell], text_start[cell + 1], out, position)
            position = copy_bytes(between, 0, len(between), out, position)
            time = wrap64(times_ms[sample])
            if times_ms[sample] < 0:
                out[position] = 0x2D
                position += 1
                time = wrap64(wrap64(0) - time)
            position = write_whole(time, out, position)
            position = copy_bytes(ending, 0, len(ending), out, position)
    return position
