"""Bit and byte primitives that the chunk kernels share, each an intrinsic with its plain-Python twin.

`octets_at` makes a byte array of an address, so that one kernel call can walk chunks that lie in many buffers.
Its caller keeps the buffers alive and has checked the size.
Source: LLVM's `cttz` and `bswap`; two's complement.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import intrinsic, kernel
from promontory.kernels.memory import load_be64, wrap64

Bytes = NDArray[np.uint8]


def _build_signed64() -> Any:
    import numba

    return numba.njit(lambda word: numba.int64(word))


@intrinsic(_build_signed64)
def signed64(word: int) -> int:
    """Return the number whose two's complement is `word` modulo 2**64."""
    return ((int(word) + (1 << 63)) & 0xFFFFFFFFFFFFFFFF) - (1 << 63)


def _build_count_trailing_zeros() -> Any:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic as numba_intrinsic

    @numba_intrinsic
    def count(typing_context, word):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

        return types.uint64(types.uint64), generate

    return count


@intrinsic(_build_count_trailing_zeros)
def count_trailing_zeros(word: int) -> int:
    """Return how many of the 64 lowest bits are zero below the first one; 64 for zero."""
    number = int(word)
    return (number & -number).bit_length() - 1 if number else 64


def _build_store(*, bits: int) -> Any:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic as numba_intrinsic

    word_type = {32: types.uint32, 64: types.uint64}[bits]

    @numba_intrinsic
    def store(typing_context, data, position, word):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            array = context.make_array(signature.args[0])(context, builder, args[0])
            pointer = cgutils.pointer_add(builder, array.data, args[1])
            target = builder.bitcast(pointer, ir.IntType(bits).as_pointer())
            builder.store(builder.bswap(args[2]), target, align=1)
            return context.get_dummy_value()

        return types.void(data, types.int64, word_type), generate

    return store


@intrinsic(lambda: _build_store(bits=64))
def store_be64(data: Bytes, position: int, word: int) -> None:
    """Write 8 big-endian bytes at `position`. The caller has checked position + 8 <= len(data)."""
    data[position : position + 8] = np.frombuffer(int(word).to_bytes(8, "big"), np.uint8)


@intrinsic(lambda: _build_store(bits=32))
def store_be32(data: Bytes, position: int, word: int) -> None:
    """Write 4 big-endian bytes at `position`. The caller has checked position + 4 <= len(data)."""
    data[position : position + 4] = np.frombuffer(int(word).to_bytes(4, "big"), np.uint8)


def _build_octets_at() -> Any:
    from numba import types
    from numba.extending import intrinsic as numba_intrinsic
    from numba.np.arrayobj import populate_array

    octets = types.Array(types.uint8, 1, "C")

    @numba_intrinsic
    def view(typing_context, address, size):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            one = context.get_constant(types.intp, 1)
            array = context.make_array(octets)(context, builder)
            pointer = builder.inttoptr(args[0], array.data.type)
            populate_array(
                array, data=pointer, shape=(args[1],), strides=(one,), itemsize=one, meminfo=None, parent=None
            )
            return array._getvalue()

        return octets(types.int64, types.int64), generate

    return view


@intrinsic(_build_octets_at)
def octets_at(address: int, size: int) -> Bytes:
    """Return the `size` bytes at a memory address as an array; a view."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))


@kernel("int64(uint8[::1], int64, uint64)")
def put_uvarint(data: Bytes, position: int, word: int) -> int:
    """Write an unsigned varint of at most 10 bytes; return the position after it."""
    rest = wrap64(word)
    while rest >= wrap64(0x80):
        data[position] = (rest & wrap64(0x7F)) | wrap64(0x80)
        rest >>= wrap64(7)
        position += 1
    data[position] = rest
    return position + 1


@kernel("int64(uint8[::1], int64, int64)")
def put_varint(data: Bytes, position: int, number: int) -> int:
    """Write a zig-zag varint of at most 10 bytes; return the position after it."""
    zigzag = wrap64(wrap64(number) << wrap64(1))
    if number < 0:
        zigzag = wrap64(~zigzag)
    return put_uvarint(data, position, zigzag)


@kernel("UniTuple(uint64, 2)(octets, int64)")
def take_uvarint(data: Bytes, position: int) -> tuple[int, int]:
    """Return (word, position after it); at most 10 bytes are read, which the caller knows to be readable."""
    word = wrap64(0)
    shift = 0
    while shift < 70:
        octet = wrap64(data[position])
        position += 1
        word |= wrap64((octet & wrap64(0x7F)) << wrap64(min(shift, 63)))
        shift += 7
        if octet < wrap64(0x80):
            break
    return word, wrap64(position)


@kernel("uint64(octets, int64)")
def load_bits(data: Bytes, bit: int) -> int:
    """Return the 64 bits that begin at any bit; 9 bytes are read, which the caller knows to be readable."""
    high = wrap64(load_be64(data, bit >> 3) << wrap64(bit & 7))
    return high | (wrap64(data[(bit >> 3) + 8]) >> wrap64(8 - (bit & 7)))
