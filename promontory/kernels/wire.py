"""Protobuf's wire format: tags, varints, and how long they are.

    field   tag (varint: number << 3 | wire type) · payload
    types   0 varint · 1 eight bytes · 2 varint length + bytes · 5 four bytes

Groups (types 3 and 4) are not part of any message here and are refused. Nothing is read past `end`.
Source: protobuf's "Encoding" document.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import signed64
from promontory.kernels.compile import inlined, kernel
from promontory.kernels.memory import count_leading_zeros, wrap64
from promontory.kernels.varint import read_uvarint

Bytes = NDArray[np.uint8]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
MAX_TAG = (1 << 32) - 1


@kernel("UniTuple(int64, 3)(octets, int64, int64)")
def read_long_field(data: Bytes, position: int, end: int) -> tuple[int, int, int]:
    """Return what `read_field` returns, for fields of any kind and size."""
    tag, position = read_uvarint(data, position, end)
    if position < 0 or tag < 8 or tag > MAX_TAG:
        return 0, 0, -1
    wire_type = tag & 7
    if wire_type == LENGTH:
        length, position = read_uvarint(data, position, end)
        if position < 0 or length < 0 or length > end - position:
            return 0, 0, -1
        return tag, position, position + length
    if wire_type == VARINT:
        number, position = read_uvarint(data, position, end)
        return tag, number, position
    size = 8 if wire_type == FIXED64 else 4
    if (wire_type != FIXED64 and wire_type != FIXED32) or size > end - position:
        return 0, 0, -1
    return tag, 0, position + size


@inlined
def read_field(data: Bytes, position: int, end: int) -> tuple[int, int, int]:
    """Return (tag, value, next position) of the field at `position`; next is -1 on bad bytes.

    The value is a varint's number, or where the payload [value, next) of a length-delimited field starts.
    """
    tag, value, after = 0, 0, -1
    if position + 1 < end and data[position] < 0x80 and data[position + 1] < 0x80:
        # Nearly every field: tag and length or number take one byte each.
        tag = signed64(data[position])
        value = signed64(data[position + 1])
        if tag & 7 == LENGTH and value <= end - position - 2:
            after = position + 2 + value
            value = position + 2
        elif tag & 7 == VARINT:
            after = position + 2
        if tag < 8:
            after = -1
    if after < 0:
        tag, value, after = read_long_field(data, position, end)
    return tag, value, after


@kernel("int64(int64)")
def size_varint(number: int) -> int:
    """Return the bytes of a varint, 1..10; negative numbers take ten."""
    top_bit = 63 - signed64(count_leading_zeros(wrap64(number) | wrap64(1)))
    return (top_bit * 9 + 73) >> 6


@kernel("int64(int64)")
def size_bytes_field(length: int) -> int:
    """Return the bytes of a length-delimited field below number 16 whose payload has `length` bytes."""
    return 1 + size_varint(length) + length
