"""Prometheus' JSON from columns: timestamps, sample values, label sets and rows of an answer.

    {"metric":{"job":"a"},"values":[[1795225000,"1"],[1795225015.500,"0.25"]]},      a matrix row
    {"metric":{"job":"a"},"value":[1795225000,"1"]},                                a vector row

Values have the shortest digits, plain for 1e-6 <= |x| < 1e21 and zero, else as d.ddde+dd.
Source: Prometheus util/jsonutil MarshalTimestamp and MarshalFloat; RFC 8259 section 7 for the strings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import inlined, kernel
from promontory.kernels.digits import (
    FIXED_DIGITS,
    write_decimal,
    write_few_decimals,
    write_fixed,
    write_seconds,
    write_whole,
)
from promontory.kernels.memory import wrap64
from promontory.kernels.shortest import Powers, shorten

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

SIGN_BIT = 1 << 63
EXPONENT_BITS = 0x7FF << 52
LARGEST_WHOLE = 2.0**53
LARGEST_WITH_THOUSANDTHS = 1e12
ROUNDING = 2.0**-52
# Where Go's 'f' begins and ends.
LEAST_PLAIN, BEYOND_PLAIN = 1e-6, 1e21

QUOTE = 0x22
BACKSLASH = 0x5C
COMMA = 0x2C
OPEN = 0x5B
CLOSE = 0x5D


@kernel("int64(octets, int64, int64, uint8[::1], int64)")
def copy_bytes(source: Bytes, start: int, end: int, out: Bytes, position: int) -> int:
    """Copy source[start:end] to out[position:]; return the position after it."""
    for i in range(start, end):
        out[position + i - start] = source[i]
    return position + end - start


@kernel("int64(octets, int64[::1], int64[::1], bool_[::1], bool_[::1])")
def find_special(
    blob: Bytes, start: Longs, end: Longs, is_used: NDArray[np.bool_], is_special: NDArray[np.bool_]
) -> int:
    """Mark the used strings that JSON cannot hold as they are (quotes, backslash, control, beyond ASCII)."""
    count = 0
    for code in range(len(start)):
        if is_used[code]:
            for i in range(start[code], end[code]):
                octet = blob[i]
                if octet < 0x20 or octet >= 0x7F or octet in (QUOTE, BACKSLASH):
                    is_special[code] = True
                    count += 1
                    break
    return count


@kernel("int64(int64[::1], int32[::1], int32[::1], bool_[::1], octets, int64[::1], int64[::1], uint8[::1], int64[::1])")
def write_labels(
    row_start: Longs,
    name: NDArray[np.int32],
    value: NDArray[np.int32],
    is_kept: NDArray[np.bool_],
    blob: Bytes,
    start: Longs,
    end: Longs,
    out: Bytes,
    out_start: Longs,
) -> int:
    """Write `{"name":"value",…}` for each row from the pairs that are kept; return the length.

    `start`, `end` int64[codes] point to the escaped text of each code in `blob`; `out_start` int64[n + 1].
    """
    position = 0
    for row in range(len(row_start) - 1):
        out_start[row] = position
        out[position] = 0x7B
        position += 1
        is_first = True
        for pair in range(row_start[row], row_start[row + 1]):
            if not is_kept[pair]:
                continue
            if not is_first:
                out[position] = COMMA
                position += 1
            is_first = False
            out[position] = QUOTE
            position = copy_bytes(blob, start[name[pair]], end[name[pair]], out, position + 1)
            out[position] = QUOTE
            out[position + 1] = 0x3A
            out[position + 2] = QUOTE
            position = copy_bytes(blob, start[value[pair]], end[value[pair]], out, position + 3)
            out[position] = QUOTE
            position += 1
        out[position] = 0x7D
        position += 1
    out_start[len(row_start) - 1] = position
    return position


@kernel("int64(octets, int64[::1], uint8[::1])")
def write_list(texts: Bytes, start: Longs, out: Bytes) -> int:
    """Write the texts with a comma after each; return the length, which is len(texts) and a byte for each."""
    position = 0
    for i in range(len(start) - 1):
        position = copy_bytes(texts, start[i], start[i + 1], out, position)
        out[position] = COMMA
        position += 1
    return position


@kernel("int64(uint8[::1], int64)")
def write_infinity(out: Bytes, position: int) -> int:
    """Write `Inf`; return the position after it."""
    out[position] = 0x49
    out[position + 1] = 0x6E
    out[position + 2] = 0x66
    return position + 3


@kernel("int64(int64, int64, uint8[::1], int64)")
def write_exponent(digits: int, exponent: int, out: Bytes, position: int) -> int:
    """Write digits * 10**exponent as d.ddde+dd, digits without zeros at their end; return the position after it."""
    end = write_whole(wrap64(digits), out, position + 1)
    out[position] = out[position + 1]
    point = exponent + end - position - 2
    if end > position + 2:
        out[position + 1] = 0x2E
    else:
        end = position + 1
    out[end] = 0x65
    out[end + 1] = 0x2D if point < 0 else 0x2B
    size = -point if point < 0 else point
    if size < 10:
        out[end + 2] = 0x30
        return write_whole(wrap64(size), out, end + 3)
    return write_whole(wrap64(size), out, end + 2)


@inlined
def write_thousandths(value: float, out: Bytes, position: int) -> int:
    """Write a positive value that has one to three decimals and 15 digits at most; return -1 where it has others.

    Two decimals of so few digits never read as the same float64, so what reads back is the shortest text.
    """
    if value >= LARGEST_WITH_THOUSANDTHS:
        return -1
    scaled = value * 1000.0
    thousandths = np.floor(scaled + 0.5)
    if not (abs(scaled - thousandths) <= scaled * ROUNDING and thousandths / 1000.0 == value):
        return -1
    whole = np.floor(value)
    position = write_whole(wrap64(int(whole)), out, position)
    rest = int(thousandths) - int(whole) * 1000
    out[position] = 0x2E
    write_fixed(wrap64(rest), 3, out, position + 1)
    if rest % 10:
        return position + 4
    return position + (3 if rest % 100 else 2)


@inlined
def write_value(value: float, bits: int, powers: Powers, out: Bytes, position: int) -> int:
    """Write one value without quotes; return the position after it. `bits` are the value's own, `powers` of ten."""
    size = wrap64(bits) & wrap64(SIGN_BIT - 1)
    if size > wrap64(EXPONENT_BITS):
        out[position] = 0x4E
        out[position + 1] = 0x61
        out[position + 2] = 0x4E
        return position + 3
    is_negative = size != wrap64(bits)
    if size == wrap64(EXPONENT_BITS):
        out[position] = 0x2D if is_negative else 0x2B
        return write_infinity(out, position + 1)
    if is_negative:
        out[position] = 0x2D
        position += 1
        value = -value
    if value < LARGEST_WHOLE and np.floor(value) == value:
        return write_whole(wrap64(int(value)), out, position)
    end = write_thousandths(value, out, position)
    if end >= 0:
        return end
    digits, exponent = shorten(size, powers)
    if digits % 100_000_000 == 0:
        digits //= 100_000_000
        exponent += 8
    while digits % 10 == 0:
        digits //= 10
        exponent += 1
    if value < LEAST_PLAIN or value >= BEYOND_PLAIN:
        return write_exponent(digits, exponent, out, position)
    if -FIXED_DIGITS <= exponent < 0:
        return write_few_decimals(wrap64(digits), -exponent, out, position)
    position = write_decimal(wrap64(digits), -exponent if exponent < 0 else 0, out, position)
    for _ in range(exponent):
        out[position] = 0x30
        position += 1
    return position


@kernel(
    "int64(octets, octets, int64[::1], int64[::1], int64[::1], float64[::1], uint64[::1], uint64[:, ::1], int64,"
    " uint8[::1])"
)
def write_rows(
    key: Bytes,
    labels: Bytes,
    labels_start: Longs,
    row_start: Longs,
    times_ms: Longs,
    values: NDArray[np.float64],
    bits: NDArray[np.uint64],
    powers: Powers,
    brackets: int,
    out: Bytes,
) -> int:
    """Write `{"metric":LABELS,"values":[[time,"value"],…]},` for each row that has a sample; return the length.

    `key` is `{"metric":` (10 bytes) + `,"values":`. `brackets` is 1 around a matrix row's list, 0 for a vector's only
    sample. `bits` are the values' own. `out` has OVERRUN_BYTES more than the text needs.
    """
    position = 0
    for row in range(len(row_start) - 1):
        if row_start[row] == row_start[row + 1]:
            continue
        position = copy_bytes(key, 0, 10, out, position)
        position = copy_bytes(labels, labels_start[row], labels_start[row + 1], out, position)
        position = copy_bytes(key, 10, len(key), out, position)
        if brackets:
            out[position] = OPEN
            position += 1
        for j in range(row_start[row], row_start[row + 1]):
            out[position] = OPEN
            position = write_seconds(times_ms[j], out, position + 1)
            out[position] = COMMA
            out[position + 1] = QUOTE
            position = write_value(values[j], bits[j], powers, out, position + 2)
            out[position] = QUOTE
            out[position + 1] = CLOSE
            out[position + 2] = COMMA
            position += 3
        position -= 1
        if brackets:
            out[position] = CLOSE
            position += 1
        out[position] = 0x7D
        out[position + 1] = COMMA
        position += 2
    return position
