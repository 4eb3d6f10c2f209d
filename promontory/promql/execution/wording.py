"""The words of annotations and errors: numbers as Go's %g, text as its %q, and what several operators say."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from promontory.promql.execution.run import Run
from promontory.promql.plan.position import Position

SORT_INEFFECTIVE = "sort is ineffective for range queries since results are always ordered by labels"


def format_general(value: float) -> str:
    """Return the shortest digits that give the value; an exponent below 1e-4 and from 1e6 on."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    point = len(digits) + exponent - 1
    if -4 <= point < 6:
        return format(Decimal(repr(value)).normalize(), "f")
    text = "".join(map(str, digits))
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{'-' * sign}{mantissa}e{'-' if point < 0 else '+'}{abs(point):02d}"


def quote(text: bytes) -> str:
    """Return text in double quotes, escaped as Go's %q does for what labels hold."""
    shown = text.decode(errors="replace").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{shown}"'


def warn_extreme_quantiles(run: Run, quantiles: NDArray[np.float64], position: Position) -> None:
    """Note the values that are no quantiles: NaN and infinities, or else the greatest above 1 and the least below 0."""
    numbers = quantiles[~np.isnan(quantiles)]
    if len(numbers) < len(quantiles):
        # As in Go the greatest of NaN and +Inf is +Inf, and that of NaN and any other number NaN.
        numbers = np.append(numbers[np.isinf(numbers)], np.nan)
    elif len(numbers):
        numbers = np.array([max(numbers.max(), 1.0), min(numbers.min(), 0.0)])
    warn_quantiles(run, numbers, position)


def warn_quantiles(run: Run, quantiles: NDArray[np.float64], position: Position) -> None:
    """Note each of the values that is no quantile."""
    for value in dict.fromkeys(quantiles[~((quantiles >= 0) & (quantiles <= 1))].tolist()):
        run.warn(f"quantile value should be between 0 and 1, got {format_general(value)}", position)
