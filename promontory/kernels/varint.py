"""Varints: little-endian groups of seven bits, the top bit of a byte says that more follow; signed ones zig-zag.

Source: Go's encoding/binary (Uvarint, Varint), which the TSDB's formats use; protobuf's are the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import signed64
from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64

Bytes = NDArray[np.uint8]

MAX_SHIFT = 63


@kernel("UniTuple(int64, 2)(octets, int64, int64)")
def read_uvarint(data: Bytes, position: int, end: int) -> tuple[int, int]:
    """Return (number, position after it); the position is -1 where data[position:end] holds no whole 64-bit number.

    Numbers from 2**63 on come as their two's complement, so a caller sees them as negative.
    """
    if position < end and data[position] < 0x80:
        return np.int64(data[position]), position + 1  # type: ignore[return-value]
    word = wrap64(0)
    shift = 0
    while position < end:
        octet = wrap64(data[position])
        position += 1
        if shift == MAX_SHIFT and octet > wrap64(1):
            return 0, -1
        word |= wrap64((octet & wrap64(0x7F)) << wrap64(shift))
        if octet < wrap64(0x80):
            return signed64(word), position
        shift += 7
        if shift > MAX_SHIFT:
            return 0, -1
    return 0, -1


@kernel("UniTuple(int64, 2)(octets, int64, int64)")
def read_varint(data: Bytes, position: int, end: int) -> tuple[int, int]:
    """Return (signed number, position after it); the position is -1 where there is no whole number."""
    number, after = read_uvarint(data, position, end)
    word = wrap64(number)
    half = word >> wrap64(1)
    if word & wrap64(1):
        half = wrap64(~half)
    return signed64(half), after
