"""Stages that compute a new value from each value: functions, dates, and operators with a scalar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.model.steps import Steps
from promontory.promql.execution.dates import DATES
from promontory.promql.execution.operator import Batch
from promontory.promql.plan.arithmetic import COMPARISONS, greater_of, lesser_of, operate

Floats = NDArray[np.float64]
Function = Callable[..., Floats]


def round_to(values: Floats, nearest: Floats | float = 1.0) -> Floats:
    """Return the values rounded to multiples of `nearest`, ties upwards."""
    inverse = 1.0 / np.asarray(nearest)
    return np.asarray(np.floor(values * inverse + 0.5) / inverse)


FUNCTIONS: dict[str, Function] = {
    "-": np.negative,
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "clamp": lambda values, least, most: greater_of(least, lesser_of(most, values)),
    "clamp_max": lambda values, most: lesser_of(most, values),
    "clamp_min": lambda values, least: greater_of(least, values),
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda values: values * 180.0 / np.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "own_time": lambda values: values,
    "rad": lambda values: values * np.pi / 180.0,
    "round": round_to,
    "sgn": lambda values: np.where(values < 0, -1.0, np.where(values > 0, 1.0, values)),
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
    "timestamp": lambda values, clock: np.tile(clock, (len(values), 1)),
    **DATES,
}


@dataclass(frozen=True, slots=True)
class ElementwiseStage:
    """A function of each value; `parameters` are float64[k]. Names are left to the stage behind."""

    function: str
    parameters: tuple[Floats, ...] = ()

    def apply(self, batch: Batch) -> Batch:
        """Return the rows with new values."""
        assert isinstance(batch, Steps)
        with np.errstate(all="ignore"):
            values = FUNCTIONS[self.function](batch.values, *self.parameters)
        present = batch.present
        if self.function == "clamp":
            least, most = self.parameters
            present = present & ~(most < least)
        return replace(batch, values=np.ascontiguousarray(values), present=present)

    def finish(self) -> None:
        """Nothing is left."""


@dataclass(frozen=True, slots=True)
class VectorScalarStage:
    """An operator with a scalar, float64[k]; `swapped` when that stands on the left.

    A filter keeps the vector's value, whichever side that is on. Names are left to the stage behind.
    """

    op: str
    scalar: Floats
    swapped: bool
    return_bool: bool

    def apply(self, batch: Batch) -> Batch:
        """Return the rows with new values, or with fewer present."""
        assert isinstance(batch, Steps)
        sides = (self.scalar, batch.values) if self.swapped else (batch.values, self.scalar)
        if self.op in COMPARISONS and not self.return_bool:
            return replace(batch, present=batch.present & COMPARISONS[self.op](*sides))
        return replace(batch, values=operate(self.op, *sides))

    def finish(self) -> None:
        """Nothing is left."""
