"""CRC32C (Castagnoli): the checksum of every section of a block.

Reflected polynomial 0x82F63B78, register and result inverted. Eight bytes a step: the CPU's own instruction on x86-64
with SSE 4.2, on other machines eight table look-ups ("slicing by 8", a table a byte position).
Source: RFC 3720 section 12.1 and its test vectors in B.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import intrinsic, kernel
from promontory.kernels.memory import load_le64, wrap64

Bytes = NDArray[np.uint8]

POLYNOMIAL = 0x82F63B78


def _make_tables() -> NDArray[np.uint64]:
    """Return uint64[8, 256]: tables[k][b] is the register after byte b and then k zero bytes."""
    tables = np.zeros((8, 256), np.uint64)
    register = np.arange(256, dtype=np.uint64)
    one = np.uint64(1)
    for _ in range(8):
        register = (register >> one) ^ ((register & one) * np.uint64(POLYNOMIAL))
    tables[0] = register
    for k in range(1, 8):
        tables[k] = (tables[k - 1] >> np.uint64(8)) ^ tables[0][tables[k - 1] & np.uint64(0xFF)]
    return tables


TABLES = _make_tables()


@kernel("uint64(uint64, uint64)")
def step_by_tables(register: int, word: int) -> int:
    """Return the register after the 8 little-endian bytes of `word`: the way without the instruction."""
    mixed = wrap64(word) ^ wrap64(register)
    after = wrap64(0)
    for k in range(8):
        after ^= wrap64(TABLES[7 - k, np.int64((mixed >> wrap64(8 * k)) & wrap64(0xFF))])
    return after


def _build_step() -> Any:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic as numba_intrinsic

    if not _has_instruction():
        return step_by_tables.compiled

    @numba_intrinsic
    def step(typing_context, register, word):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            word_type = ir.IntType(64)
            instruction = builder.module.declare_intrinsic(
                "llvm.x86.sse42.crc32.64.64", (), ir.FunctionType(word_type, [word_type, word_type])
            )
            return builder.call(instruction, args)

        return types.uint64(types.uint64, types.uint64), generate

    return step


def _has_instruction() -> bool:
    """Say whether the code that numba makes may use SSE 4.2: never where it compiles for another CPU."""
    import platform

    import llvmlite.binding
    import numba

    if platform.machine() not in ("x86_64", "AMD64") or numba.config.CPU_NAME or numba.config.CPU_FEATURES:
        return False
    return bool(llvmlite.binding.get_host_cpu_features().get("sse4.2"))


@intrinsic(_build_step)
def step_crc32c(register: int, word: int) -> int:
    """Return the register after the 8 little-endian bytes of `word`."""
    return step_by_tables.py_func(register, word)


@kernel("uint32(octets, int64, int64)")
def crc32c(data: Bytes, start: int, end: int) -> int:
    """Return the CRC32C of data[start:end]. The caller has checked 0 <= start <= end <= len(data)."""
    register = wrap64(0xFFFFFFFF)
    position = start
    while position + 8 <= end:
        register = step_crc32c(register, load_le64(data, position))
        position += 8
    while position < end:
        index = np.int64((register ^ wrap64(data[position])) & wrap64(0xFF))
        register = (register >> wrap64(8)) ^ wrap64(TABLES[0, index])
        position += 1
    return register ^ wrap64(0xFFFFFFFF)
