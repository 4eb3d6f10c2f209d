"""Decimal digits of whole numbers, decimals and times, eight at a time.

    12345678 ─÷ 10000─► 1234 │ 5678 ─÷ 100─► 12 │ 34 │ 56 │ 78 ─÷ 10─► 1 2 3 4 5 6 7 8     lanes of one 64-bit word

Every lane is divided by the same multiplication, and the word stored at once. Digits that a number lacks are shifted
out before, so the store may reach beyond the text: callers leave OVERRUN_BYTES of room behind the last one.

Source: P. Khuong, "How to print integers really fast" (2017).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import store_be64
from promontory.kernels.compile import inlined, kernel
from promontory.kernels.memory import count_leading_zeros, wrap64

Bytes = NDArray[np.uint8]

OVERRUN_BYTES = 16
FIXED_DIGITS = 16
ZEROS = 0x3030303030303030
# What makes a point of the zero before the thousandths.
POINT_FOR_ZERO = 0x02 << 24
# Times in milliseconds whose seconds have 5 to 12 digits: until the year 33658.
LEAST_PLAIN_MS, BEYOND_PLAIN_MS = 10**7, 10**15
POWERS = np.array([10**exponent for exponent in range(20)], np.uint64)


@kernel("int64(uint64)")
def count_digits(number: int) -> int:
    """Return how many decimal digits a number has; 1 for zero."""
    digits = 1
    while digits < len(POWERS) and wrap64(number) >= wrap64(POWERS[digits]):
        digits += 1
    return digits


@inlined
def split_eight(number: int) -> int:
    """Return the digits of number < 10**8 as the bytes of a word, the first one highest."""
    high = wrap64(number) // wrap64(10_000)
    lanes = wrap64(high << wrap64(32)) | (wrap64(number) - wrap64(high * wrap64(10_000)))
    tens = (wrap64(lanes * wrap64(5243)) >> wrap64(19)) & wrap64(0x7F0000007F)
    lanes = wrap64(tens << wrap64(16)) | (lanes - wrap64(tens * wrap64(100)))
    tens = (wrap64(lanes * wrap64(103)) >> wrap64(10)) & wrap64(0x000F000F000F000F)
    return wrap64(tens << wrap64(8)) | (lanes - wrap64(tens * wrap64(10)))


@inlined
def put_eight(number: int, out: Bytes, position: int) -> int:
    """Write number < 10**8 with zeros before it; return the position after it."""
    store_be64(out, position, split_eight(number) | wrap64(ZEROS))
    return position + 8


@inlined
def put_short(number: int, out: Bytes, position: int) -> int:
    """Write number < 10**8 without zeros before it; return the position after it."""
    digits = split_eight(number)
    missing = int(count_leading_zeros(digits | wrap64(1)) >> wrap64(3))
    store_be64(out, position, wrap64((digits | wrap64(ZEROS)) << wrap64(8 * missing)))
    return position + 8 - missing


@inlined
def write_whole(number: int, out: Bytes, position: int) -> int:
    """Write a number; return the position after it."""
    if wrap64(number) < wrap64(10**8):
        return put_short(number, out, position)
    high = wrap64(number) // wrap64(10**8)
    low = wrap64(number) - wrap64(high * wrap64(10**8))
    if high < wrap64(10**8):
        position = put_short(high, out, position)
    else:
        top = high // wrap64(10**8)
        position = put_short(top, out, position)
        position = put_eight(high - wrap64(top * wrap64(10**8)), out, position)
    return put_eight(low, out, position)


@inlined
def write_fixed(number: int, count: int, out: Bytes, position: int) -> int:
    """Write number < 10**count as `count` digits, 16 at most; return the position after them."""
    scaled = wrap64(wrap64(number) * wrap64(POWERS[FIXED_DIGITS - count]))
    high = scaled // wrap64(10**8)
    put_eight(high, out, position)
    put_eight(scaled - wrap64(high * wrap64(10**8)), out, position + 8)
    return position + count


@kernel("int64(uint64, int64, uint8[::1], int64)")
def write_decimal(number: int, decimals: int, out: Bytes, position: int) -> int:
    """Write number / 10**decimals in plain digits, all of the decimals; return the position after it."""
    if decimals == 0:
        return write_whole(number, out, position)
    whole = wrap64(0)
    rest = wrap64(number)
    if decimals < len(POWERS):
        whole = rest // wrap64(POWERS[decimals])
        rest = rest - wrap64(whole * wrap64(POWERS[decimals]))
    position = write_whole(whole, out, position)
    out[position] = 0x2E
    position += 1
    left = decimals
    while left > len(POWERS):
        out[position] = 0x30
        position += 1
        left -= 1
    if left > FIXED_DIGITS:
        high = rest // wrap64(POWERS[FIXED_DIGITS])
        position = write_fixed(high, left - FIXED_DIGITS, out, position)
        rest = rest - wrap64(high * wrap64(POWERS[FIXED_DIGITS]))
        left = FIXED_DIGITS
    return write_fixed(rest, left, out, position)


@inlined
def write_few_decimals(number: int, decimals: int, out: Bytes, position: int) -> int:
    """Write number / 10**decimals with 1 to 16 decimals; return the position after it."""
    whole = wrap64(number) // wrap64(POWERS[decimals])
    position = write_whole(whole, out, position)
    out[position] = 0x2E
    return write_fixed(wrap64(number) - wrap64(whole * wrap64(POWERS[decimals])), decimals, out, position + 1)


@kernel("int64(int64, uint8[::1], int64)")
def write_any_seconds(time_ms: int, out: Bytes, position: int) -> int:
    """Write a time as `write_seconds` does, of any number of digits."""
    number = wrap64(time_ms)
    if time_ms < 0:
        out[position] = 0x2D
        position += 1
        number = wrap64(wrap64(0) - number)
    seconds = number // wrap64(1000)
    if wrap64(seconds * wrap64(1000)) == number:
        return write_whole(seconds, out, position)
    return write_few_decimals(number, 3, out, position)


@inlined
def write_seconds(time_ms: int, out: Bytes, position: int) -> int:
    """Write a time as seconds, three decimals where it is no whole second; return the position after it."""
    if not LEAST_PLAIN_MS <= time_ms < BEYOND_PLAIN_MS:
        return write_any_seconds(time_ms, out, position)
    number = wrap64(time_ms)
    high = number // wrap64(10**7)
    rest = number - wrap64(high * wrap64(10**7))
    seconds = rest // wrap64(1000)
    thousandths = rest - wrap64(seconds * wrap64(1000))
    position = put_short(high, out, position)
    digits = split_eight(wrap64(seconds * wrap64(10_000)) + thousandths)
    store_be64(out, position, (digits | wrap64(ZEROS)) - wrap64(POINT_FOR_ZERO))
    return position + (4 if thousandths == wrap64(0) else 8)
