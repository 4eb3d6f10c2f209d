"""What became of an input, as something that can be compared: the value without its objects, or the error's text.

One rule for every target: a value or an error of our tree that names its source, the same by machine code and by the
plain twins; anything else is a find.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from promontory.errors import PromontoryError
from promontory.model.symbols import SymbolTable
from tests.fuzz.plain_kernels import plain_kernels

SOURCE = "the fuzzer's input"
Check = Callable[[bytes], object]


def check_input(check: Check, data: bytes) -> object:
    """Run a target in plain Python and in machine code; return the outcome. Raises where the two differ."""
    with plain_kernels():
        plain = outcome_of(check, data)
    compiled = outcome_of(check, data)
    assert plain == compiled, f"plain Python gives {plain!r:.2000}, machine code {compiled!r:.2000}"
    return compiled


def outcome_of(check: Check, data: bytes) -> object:
    """Return what a target makes of an input."""
    try:
        return plain_value(check(data))
    except PromontoryError as error:
        kind, text = type(error).__name__, str(error)
    assert SOURCE in text, f"an error that does not name its source: {text}"
    return kind, text


def plain_value(value: Any) -> object:
    """Return a value as tuples, bytes and numbers; NaN by its bits."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()
    if isinstance(value, SymbolTable):
        return tuple(value.text(code) for code in range(len(value)))
    if isinstance(value, Enum):
        return value.name
    if dataclasses.is_dataclass(value):
        return tuple(plain_value(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, dict):
        return tuple((plain_value(key), plain_value(inner)) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return tuple(plain_value(inner) for inner in value)
    return value
