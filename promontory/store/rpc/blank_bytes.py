"""Bytes that are written once they exist: grpcio sends nothing but `bytes`, and a copy of every answer costs.

CPython makes a new object of its own for PyBytes_FromStringAndSize(NULL, size) and lets its maker write it as long as
nobody else has seen it. Source: the C API's "Bytes Objects".
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_new_bytes = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t)(
    ("PyBytes_FromStringAndSize", ctypes.pythonapi)
)


def make_blank_bytes(size: int) -> tuple[bytes, NDArray[np.uint8]]:
    """Return bytes of any content and the view that writes them; to be filled before anybody else sees them."""
    assert size > 1, "shorter ones are shared by all of Python"
    made: bytes = _new_bytes(None, size)
    return made, np.asarray(_Memory(np.frombuffer(made, np.uint8).__array_interface__["data"][0], size))


@dataclass(frozen=True, slots=True)
class _Memory:
    """What numpy asks to make an array of an address."""

    address: int
    size: int

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return {"version": 3, "typestr": "|u1", "shape": (self.size,), "data": (self.address, False)}
