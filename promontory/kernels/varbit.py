"""Varbit numbers and XORed floats: the fields of histogram chunks and of XOR2.

    varbit      0 -> zero | 10 + 3 bits | 110 + 6 | 1110 + 9 | 11110 + 12 | 111110 + 18 | 1111110 + 25
                | 11111110 + 56 | 11111111 + 64 bits; signed ones are centred: 3 bits hold -3 to 4
    XORed       0 -> the value before | 10 + the bits of the window before
                | 11 + 5 bits leading zeros + 6 bits size (0 is 64) + the bits of the new window

Each function is given a bit position and returns the position after the field. A field takes at most 80 bits. Up to
four of them may be read before the position is compared with the end: the caller knows that READABLE bytes after the
end are readable.

Source: Prometheus 3.14, tsdb/chunkenc/varbit.go and xor.go. Format: docs/formats/chunks.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import load_bits, signed64
from promontory.kernels.compile import kernel
from promontory.kernels.memory import count_leading_zeros, wrap64

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

READABLE = 64
# Bits of the number after a prefix of so many ones (0 to 7), a byte each.
VARBIT_SIZES = 0x3819120C09060300


@kernel("uint64(octets, int64, int64)")
def peek_bits(data: Bytes, bit: int, size: int) -> int:
    """Return the `size` bits (1 to 64) at a bit position as a number."""
    return load_bits(data, bit) >> wrap64(64 - size)


@kernel("UniTuple(uint64, 2)(octets, int64)")
def take_varbit_uint(data: Bytes, bit: int) -> tuple[int, int]:
    """Return (number, position after it)."""
    word = load_bits(data, bit)
    ones = signed64(count_leading_zeros(wrap64(~word)))
    if ones >= 8:
        return load_bits(data, bit + 8), wrap64(bit + 72)
    size = signed64((wrap64(VARBIT_SIZES) >> wrap64(8 * ones)) & wrap64(255))
    if size == 0:
        return wrap64(0), wrap64(bit + 1)
    number = wrap64(word << wrap64(ones + 1)) >> wrap64(64 - size)
    return number, wrap64(bit + ones + 1 + size)


@kernel("UniTuple(int64, 2)(octets, int64)")
def take_varbit(data: Bytes, bit: int) -> tuple[int, int]:
    """Return (signed number, position after it)."""
    word, after = take_varbit_uint(data, bit)
    number = signed64(word)
    used = signed64(after) - bit
    # The bits of the number follow from those of the whole field: 5 is 2 + 3, 9 is 3 + 6, and so on.
    if used == 72 or used == 1:
        return number, signed64(after)
    size = 3
    if used == 64:
        size = 56
    elif used == 32:
        size = 25
    elif used == 24:
        size = 18
    elif used > 5:
        size = 3 * (used - 1) // 4
    if number > 1 << (size - 1):
        number -= 1 << size
    return number, signed64(after)


@kernel("UniTuple(uint64, 2)(octets, int64)")
def take_uvarint_at(data: Bytes, bit: int) -> tuple[int, int]:
    """Return (number, position after it) of an unsigned varint of at most 10 bytes that begins at any bit."""
    word = wrap64(0)
    shift = 0
    while shift < 70:
        octet = peek_bits(data, bit, 8)
        bit += 8
        word |= wrap64((octet & wrap64(0x7F)) << wrap64(min(shift, 63)))
        shift += 7
        if octet < wrap64(0x80):
            break
    return word, wrap64(bit)


@kernel("UniTuple(int64, 2)(octets, int64)")
def take_varint_at(data: Bytes, bit: int) -> tuple[int, int]:
    """Return (signed number, position after it) of a zig-zag varint that begins at any bit."""
    word, after = take_uvarint_at(data, bit)
    number = signed64(word >> wrap64(1))
    if word & wrap64(1):
        number = ~number
    return number, signed64(after)


@kernel("int64(octets, int64, uint64[::1], uint8[::1], uint8[::1], int64)")
def take_xored(data: Bytes, bit: int, values: Words, leading: Bytes, sizes: Bytes, place: int) -> int:
    """Move values[place] on by an XORed field; return the position after it, -1 where its window is no window.

    leading, sizes: the last window of each place, 0 and 64 before the first
    """
    word = load_bits(data, bit)
    if word < wrap64(1 << 63):
        return bit + 1
    if word < wrap64(3 << 62):
        bit += 2
    else:
        zeros = signed64((word >> wrap64(57)) & wrap64(31))
        size = signed64((word >> wrap64(51)) & wrap64(63))
        if size == 0:
            size = 64
        if zeros + size > 64:
            return -1
        leading[place] = zeros
        sizes[place] = size
        bit += 13
    width = signed64(sizes[place])
    shift = 64 - signed64(leading[place]) - width
    values[place] ^= wrap64(peek_bits(data, bit, width) << wrap64(shift))
    return bit + width
