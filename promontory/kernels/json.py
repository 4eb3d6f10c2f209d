"""Prometheus' JSON from columns: timestamps, sample values, label sets and rows of an answer.

    {"metric":{"job":"a"},"values":[[1795225000,"1"],[1795225015.500,"0.25"]]},      a matrix row
    {"metric":{"job":"a"},"value":[1795225000,"1"]},                                a vector row

Values come in two columns that `split_decimals` makes: value = mantissa / 10**decimals with as few decimals as
possible and a mantissa of at most 15 digits. Two decimals of up to 15 digits are never the same double, so such a
text is the shortest one. What is not of that kind has a negative code in `decimals`; SLOW means that its text comes
in a blob.
Source: Prometheus util/jsonutil MarshalTimestamp and MarshalFloat; RFC 8259 section 7 for the strings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

SLOW = -1
NOT_A_NUMBER = -2
PLUS_INFINITY = -3
MINUS_INFINITY = -4
MINUS_ZERO = -5
MOST_DECIMALS = 6
LARGEST_MANTISSA = 1e15

QUOTE = 0x22
BACKSLASH = 0x5C
COMMA = 0x2C
OPEN = 0x5B
CLOSE = 0x5D


@kernel("int64(float64[::1], int64[::1], int8[::1])")
def split_decimals(values: NDArray[np.float64], mantissa: Longs, decimals: NDArray[np.int8]) -> int:
    """Fill mantissa and decimals of each value; return how many are SLOW."""
    slow = 0
    for i in range(len(values)):
        value = values[i]
        mantissa[i] = 0
        if value != value:
            decimals[i] = NOT_A_NUMBER
        elif value == np.inf:
            decimals[i] = PLUS_INFINITY
        elif value == -np.inf:
            decimals[i] = MINUS_INFINITY
        elif value == 0.0:
            decimals[i] = MINUS_ZERO if np.copysign(1.0, value) < 0.0 else 0
        else:
            decimals[i] = SLOW
            scale = 1.0
            for count in range(MOST_DECIMALS + 1):
                scaled = value * scale
                if abs(scaled) >= LARGEST_MANTISSA:
                    break
                whole = np.rint(scaled)
                if whole / scale == value and whole != 0.0:
                    mantissa[i] = np.int64(whole)
                    decimals[i] = count
                    break
                scale *= 10.0
            if decimals[i] == SLOW:
                slow += 1
    return slow


@kernel("int64(octets, int64, int64, uint8[::1], int64)")
def copy_bytes(source: Bytes, start: int, end: int, out: Bytes, position: int) -> int:
    """Copy source[start:end] to out[position:]; return the position after it."""
    for i in range(start, end):
        out[position + i - start] = source[i]
    return position + end - start


@kernel("int64(uint64, int64, uint8[::1], int64)")
def write_decimal(number: int, decimals: int, out: Bytes, position: int) -> int:
    """Write number / 10**decimals in plain digits; return the position after it."""
    digits = 1
    power = wrap64(10)
    while digits < 19 and number >= power:
        digits += 1
        power = power * wrap64(10)
    if digits <= decimals:
        digits = decimals + 1
    end = position + digits + (1 if decimals > 0 else 0)
    rest = wrap64(number)
    write = end - 1
    for written in range(digits):
        if written == decimals and decimals > 0:
            out[write] = 0x2E
            write -= 1
        quotient = rest // wrap64(10)
        out[write] = np.uint8(wrap64(48) + rest - quotient * wrap64(10))
        rest = quotient
        write -= 1
    return end


@kernel("int64(int64[::1], uint8[::1], int64[::1])")
def write_times(times_ms: Longs, out: Bytes, out_start: Longs) -> int:
    """Write each time as seconds, with exactly three decimals where it is no whole second; return the length.

    The caller gives 24 bytes a time. `out_start` int64[n + 1] receives where each text begins.
    """
    position = 0
    for i in range(len(times_ms)):
        out_start[i] = position
        time_ms = times_ms[i]
        if time_ms < 0:
            out[position] = 0x2D
            position += 1
            number = wrap64(-time_ms)
        else:
            number = wrap64(time_ms)
        seconds = number // wrap64(1000)
        if seconds * wrap64(1000) == number:
            position = write_decimal(seconds, 0, out, position)
        else:
            position = write_decimal(number, 3, out, position)
    out_start[len(times_ms)] = position
    return position


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


@kernel("int64(int64, int64, octets, int64[::1], int64, uint8[::1], int64)")
def write_value(
    mantissa: int, decimals: int, slow_blob: Bytes, slow_start: Longs, slow: int, out: Bytes, position: int
) -> int:
    """Write one value without quotes; return the position after it."""
    if decimals == SLOW:
        return copy_bytes(slow_blob, slow_start[slow], slow_start[slow + 1], out, position)
    if decimals == NOT_A_NUMBER:
        out[position] = 0x4E
        out[position + 1] = 0x61
        out[position + 2] = 0x4E
        return position + 3
    if decimals in (PLUS_INFINITY, MINUS_INFINITY):
        out[position] = 0x2B if decimals == PLUS_INFINITY else 0x2D
        out[position + 1] = 0x49
        out[position + 2] = 0x6E
        out[position + 3] = 0x66
        return position + 4
    if decimals == MINUS_ZERO or mantissa < 0:
        out[position] = 0x2D
        position += 1
    number = wrap64(-mantissa if mantissa < 0 else mantissa)
    return write_decimal(number, decimals if decimals > 0 else 0, out, position)


@kernel(
    "int64(octets, octets, int64[::1], int64[::1], octets, int64[::1], int64[::1], int64[::1], int8[::1], octets,"
    " int64[::1], int64, uint8[::1])"
)
def write_rows(
    key: Bytes,
    labels: Bytes,
    labels_start: Longs,
    row_start: Longs,
    times: Bytes,
    times_start: Longs,
    time_index: Longs,
    mantissa: Longs,
    decimals: NDArray[np.int8],
    slow_blob: Bytes,
    slow_start: Longs,
    brackets: int,
    out: Bytes,
) -> int:
    """Write `{"metric":LABELS,"values":[[time,"value"],…]},` for each row that has a sample; return the length.

    `key` is `{"metric":` (10 bytes) + `,"values":`. `brackets` is 1 around a matrix row's list, 0 for a vector's only
    sample. Sample j stands at times[time_index[j]].
    """
    position = 0
    slow = 0
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
            time = time_index[j]
            position = copy_bytes(times, times_start[time], times_start[time + 1], out, position + 1)
            out[position] = COMMA
            out[position + 1] = QUOTE
            code = int(decimals[j])
            position = write_value(mantissa[j], code, slow_blob, slow_start, slow, out, position + 2)
            if code == SLOW:
                slow += 1
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
