"""Copying and comparing runs of bytes, each an intrinsic with its plain-Python twin.

Source: libc's memcpy through LLVM; a loop in a kernel stops being one instruction per 32 bytes as soon as numba
adds its check for negative indices.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import intrinsic


def _build_copy() -> Any:
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic as numba_intrinsic

    @numba_intrinsic
    def copy(typing_context, target, position, source, start, length):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            into = context.make_array(signature.args[0])(context, builder, args[0])
            of = context.make_array(signature.args[2])(context, builder, args[2])
            write = cgutils.pointer_add(builder, into.data, args[1])
            read = cgutils.pointer_add(builder, of.data, args[3])
            cgutils.raw_memcpy(builder, write, read, args[4], 1)
            return context.get_dummy_value()

        return types.none(target, types.int64, source, types.int64, types.int64), generate

    return copy


@intrinsic(_build_copy)
def copy_bytes(target: NDArray[np.uint8], position: int, source: NDArray[np.uint8], start: int, length: int) -> None:
    """Copy source[start : start + length] to `target` at `position`. The caller has checked both bounds."""
    target[position : position + length] = source[start : start + length]
