"""Kernels in plain Python: the twin runs in place of the machine code, and says where it reads outside an array.

The twins of the loads slice, and a slice past the end is only short; here it is an error, as it would be a read of
foreign memory in machine code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from promontory.kernels import copy, memory
from promontory.kernels.compile import Intrinsic, Kernel

LOADS = {memory.load_be64: 8, memory.load_le64: 8, memory.load_be32: 4}
_CALL_COMPILED = Kernel.__call__


class OutOfBoundsError(Exception):
    """A kernel read or wrote outside an array that it was given."""


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Run every kernel that is called inside as its plain twin; numbers overflow in silence, as in machine code."""
    Kernel.__call__ = lambda kernel, *args: kernel.py_func(*args)  # type: ignore[method-assign,assignment]
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        Kernel.__call__ = _CALL_COMPILED  # type: ignore[method-assign]


def loaded_kernels() -> list[Kernel[..., object]]:
    """Return the kernels of all modules that are imported."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("promontory.kernels.")]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Kernel)]
    return list({id(kernel): kernel for kernel in found}.values())


def check_bounds() -> None:
    """Make the plain twins of loads and copies refuse what lies outside; before any twin has been asked for."""
    for load, size in LOADS.items():
        load.py_func = _checked_load(load, size)
    plain_copy = copy.copy_bytes.py_func

    def checked_copy(target: Any, position: int, source: Any, start: int, length: int) -> None:
        _demand(length >= 0 and 0 <= position <= len(target) - length, f"copy to {position}, {length} bytes")
        _demand(0 <= start <= len(source) - length, f"copy from {start}, {length} bytes")
        plain_copy(target, position, source, start, length)

    copy.copy_bytes.py_func = checked_copy


def _checked_load(load: Intrinsic[..., int], size: int) -> Callable[..., int]:
    plain = load.py_func

    def checked(data: Any, position: int) -> int:
        _demand(0 <= position <= len(data) - size, f"{size} bytes at {position} of {len(data)}")
        return plain(data, position)

    return checked


def _demand(fulfilled: bool, what: str) -> None:
    if not fulfilled:
        raise OutOfBoundsError(what)
