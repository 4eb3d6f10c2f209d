"""The arithmetic and comparison operators, on arrays and on numbers.

`%` takes the sign of the dividend; a comparison gives 1 or 0 as a scalar and a choice of elements as a filter.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError

Floats = NDArray[np.float64]


def greater_of(left: Floats, right: Floats) -> Floats:
    """Return the greater numbers as Go's math.Max: +Inf is greater than NaN, NaN than all else, 0 than -0."""
    # Of equal numbers np.maximum takes either, by where they stand in the array.
    chosen = np.where(left == right, np.where(np.signbit(left), right, left), np.maximum(left, right))
    return np.where((left == np.inf) | (right == np.inf), np.inf, chosen)


def lesser_of(left: Floats, right: Floats) -> Floats:
    """Return the lesser numbers as Go's math.Min: -Inf is less than NaN, NaN than all else, -0 than 0."""
    chosen = np.where(left == right, np.where(np.signbit(left), left, right), np.minimum(left, right))
    return np.where((left == -np.inf) | (right == -np.inf), -np.inf, chosen)


ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
    "max_of": greater_of,
    "min_of": lesser_of,
}
COMPARISONS: dict[str, Callable[[Floats, Floats], NDArray[np.bool_]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


# Operators that cut a histogram at a number; the sign says which part is kept.
TRIMS = frozenset(["</", ">/"])


def operate(op: str, left: Floats, right: Floats) -> Floats:
    """Return `left op right` elementwise; a comparison gives 1.0 and 0.0. Raises ExecutionError for a trim."""
    if op in TRIMS:
        raise ExecutionError(f'operator "{op}" not allowed for Scalar operations')
    with np.errstate(all="ignore"):
        if op in ARITHMETIC:
            return ARITHMETIC[op](left, right)
        return COMPARISONS[op](left, right).astype(np.float64)


def operate_scalars(op: str, left: float, right: float) -> float:
    """Return `left op right` of two numbers."""
    return float(operate(op, np.array([left]), np.array([right]))[0])
