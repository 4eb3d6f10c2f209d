"""Unaligned loads and bit counts, each an intrinsic with its plain-Python twin.

Source: one x86/ARM load plus a byte swap instead of eight byte loads; the LLVM intrinsics `bswap` and `ctlz`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import intrinsic


def _build_load(*, bits: int, swap: bool) -> Any:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic as numba_intrinsic

    returns = {32: types.uint32, 64: types.uint64}[bits]

    @numba_intrinsic
    def load(typing_context, data, position):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            array = context.make_array(signature.args[0])(context, builder, args[0])
            pointer = cgutils.pointer_add(builder, array.data, args[1])
            word = ir.IntType(bits)
            loaded = builder.load(builder.bitcast(pointer, word.as_pointer()), align=1, typ=word)
            return builder.bswap(loaded) if swap else loaded

        return returns(data, types.int64), generate

    return load


@intrinsic(lambda: _build_load(bits=64, swap=True))
def load_be64(data: NDArray[np.uint8], position: int) -> int:
    """Return the 8 bytes at `position` as a big-endian number. The caller has checked position + 8 <= len(data)."""
    return int.from_bytes(bytes(data[position : position + 8]), "big")


@intrinsic(lambda: _build_load(bits=64, swap=False))
def load_le64(data: NDArray[np.uint8], position: int) -> int:
    """Return the 8 bytes at `position` as a little-endian number. The caller has checked the bounds."""
    return int.from_bytes(bytes(data[position : position + 8]), "little")


@intrinsic(lambda: _build_load(bits=32, swap=True))
def load_be32(data: NDArray[np.uint8], position: int) -> int:
    """Return the 4 bytes at `position` as a big-endian number. The caller has checked the bounds."""
    return int.from_bytes(bytes(data[position : position + 4]), "big")


def _build_count_leading_zeros() -> Any:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic as numba_intrinsic

    @numba_intrinsic
    def count(typing_context, word):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

        return types.uint64(types.uint64), generate

    return count


@intrinsic(_build_count_leading_zeros)
def count_leading_zeros(word: int) -> int:
    """Return how many of the 64 highest bits are zero before the first one; 64 for zero."""
    return 64 - int(word).bit_length()


def _build_wrap64() -> Any:
    import numba

    return numba.njit(lambda number: numba.uint64(number))


@intrinsic(_build_wrap64)
def wrap64(number: int) -> int:
    """Return the number modulo 2**64, unsigned: machine arithmetic on both sides of the twin."""
    return int(number) & 0xFFFFFFFFFFFFFFFF
