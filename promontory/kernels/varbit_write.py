"""Writing varbit numbers and XORed floats, bit for bit as Prometheus' appenders do; the fields stand in varbit.py.

A cursor is uint64[3]: the output byte, the pending bits in the top of a word, and how many they are (0 to 7).
Prometheus up to 2.x left a zero byte at the end of a chunk where its last write was of whole bytes (xor_encode.py does
so too); readers never look at it, and 3.14 writes none.

Source: Prometheus 3.14, tsdb/chunkenc/varbit.go, xor.go and bstream.go. Format: docs/formats/chunks.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import count_trailing_zeros, signed64, store_be64
from promontory.kernels.compile import kernel
from promontory.kernels.memory import count_leading_zeros, wrap64

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

AT, PENDING, FILL = range(3)
MOST_LEADING = 31
# A window that nothing fits in: before the first changed value.
NO_WINDOW = 255


@kernel("void(uint8[::1], uint64[::1], uint64, int64)")
def put_bits(out: Bytes, cursor: Words, field: int, bits: int) -> None:
    """Add the low `bits` bits (1 to 64) of `field`; room for 16 bytes is there."""
    while bits > 0:
        part = min(bits, 32)
        chosen = (wrap64(field) >> wrap64(bits - part)) & wrap64(0xFFFFFFFF if part == 32 else (1 << part) - 1)
        fill = signed64(cursor[FILL])
        word = cursor[PENDING] | wrap64(chosen << wrap64(64 - fill - part))
        store_be64(out, signed64(cursor[AT]), word)
        fill += part
        cursor[AT] += wrap64(fill >> 3)
        cursor[PENDING] = wrap64(word << wrap64(fill & 0x38))
        cursor[FILL] = wrap64(fill & 7)
        bits -= part


@kernel("int64(uint64[::1])")
def close_bits(cursor: Words) -> int:
    """Return the end of the chunk."""
    return signed64(cursor[AT]) + (1 if cursor[FILL] != wrap64(0) else 0)


@kernel("void(uint8[::1], uint64[::1], uint64, int64)")
def put_form(out: Bytes, cursor: Words, number: int, size: int) -> None:
    """Write a varbit number of so many bits behind its prefix: 0, 3, 6, 9, 12, 18, 25, 56 or 64."""
    if size == 0:
        put_bits(out, cursor, wrap64(0), 1)
        return
    ones = size // 3
    if size == 18:
        ones = 5
    elif size == 25:
        ones = 6
    elif size == 56:
        ones = 7
    elif size == 64:
        ones = 8
    put_bits(out, cursor, wrap64(0xFF if ones == 8 else (1 << (ones + 1)) - 2), min(ones + 1, 8))
    put_bits(out, cursor, number, size)


@kernel("void(uint8[::1], uint64[::1], int64)")
def put_varbit(out: Bytes, cursor: Words, number: int) -> None:
    """Write a signed number; a form of n bits holds -(2^(n-1) - 1) to 2^(n-1)."""
    size = 64
    for bits in (56, 25, 18, 12, 9, 6, 3):
        if -((1 << (bits - 1)) - 1) <= number and number <= 1 << (bits - 1):
            size = bits
    put_form(out, cursor, wrap64(number), 0 if number == 0 else size)


@kernel("void(uint8[::1], uint64[::1], uint64)")
def put_varbit_uint(out: Bytes, cursor: Words, number: int) -> None:
    """Write an unsigned number."""
    needed = 64 - signed64(count_leading_zeros(wrap64(number)))
    size = 64
    for bits in (56, 25, 18, 12, 9, 6, 3):
        if needed <= bits:
            size = bits
    put_form(out, cursor, wrap64(number), 0 if needed == 0 else size)


@kernel("void(uint8[::1], uint64[::1], uint64, uint64[::1], uint8[::1], uint8[::1], int64)")
def put_xored(
    out: Bytes, cursor: Words, word: int, values: Words, leading: Bytes, trailing: Bytes, place: int
) -> None:  # fmt: skip
    """Write a value after values[place], and put it there.

    leading, trailing: the last window of each place, NO_WINDOW leading zeros before the first
    """
    mixed = wrap64(word) ^ values[place]
    values[place] = word
    if mixed == wrap64(0):
        put_bits(out, cursor, wrap64(0), 1)
        return
    zeros = min(signed64(count_leading_zeros(mixed)), MOST_LEADING)
    behind = signed64(count_trailing_zeros(mixed))
    if leading[place] != NO_WINDOW and zeros >= leading[place] and behind >= trailing[place]:
        put_bits(out, cursor, wrap64(2), 2)
        zeros, behind = signed64(leading[place]), signed64(trailing[place])
    else:
        leading[place], trailing[place] = zeros, behind
        head = 3 << 11 | zeros << 6 | ((64 - zeros - behind) & 63)
        put_bits(out, cursor, wrap64(head), 13)
    put_bits(out, cursor, mixed >> wrap64(behind), 64 - zeros - behind)
