"""Stages that compute a new value from each value: functions, dates, and operators with a scalar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.model.histograms import HistogramCells
from promontory.model.steps import Steps
from promontory.promql.execution.dates import DATES
from promontory.promql.execution.histogram_algebra import negate
from promontory.promql.execution.mixed_operators import Side, is_mixed, note_pairs, operate_mixed
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.run import Run
from promontory.promql.plan.arithmetic import COMPARISONS, greater_of, lesser_of, operate
from promontory.promql.plan.nodes import VectorScalar

Floats = NDArray[np.float64]
Function = Callable[..., Floats]


def round_to(values: Floats, nearest: Floats | float = 1.0) -> Floats:
    """Return the values rounded to multiples of `nearest`, ties upwards."""
    inverse = 1.0 / np.asarray(nearest)
    return np.asarray(np.floor(values * inverse + 0.5) / inverse)


def _is_beyond_exp(values: Floats) -> NDArray[np.bool_]:
    """Say where exp() overflows: Go halves it there for sinh and cosh, which are infinite a little early."""
    return np.isinf(np.exp(np.abs(values)))


def _cosh(values: Floats) -> Floats:
    return np.where(_is_beyond_exp(values), np.inf, np.cosh(values))


def _sinh(values: Floats) -> Floats:
    return np.where(_is_beyond_exp(values), np.copysign(np.inf, values), np.sinh(values))


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
    "cosh": _cosh,
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
    "sinh": _sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
    "timestamp": lambda values, clock: np.tile(clock, (len(values), 1)),
    **DATES,
}


@dataclass(frozen=True, slots=True)
class ElementwiseStage:
    """A function of each value; `parameters` are float64[k]. Names are left to the stage behind.

    Histograms have a negative and a timestamp; all other functions leave them out.
    """

    function: str
    parameters: tuple[Floats, ...] = ()

    def apply(self, batch: Batch) -> Batch:
        """Return the rows with new values."""
        assert isinstance(batch, Steps)
        with np.errstate(all="ignore"):
            values = FUNCTIONS[self.function](batch.values, *self.parameters)
        present = batch.present if self.function in ("timestamp", "own_time") else batch.floats
        if self.function == "clamp":
            least, most = self.parameters
            present = present & ~(most < least)
        cells = None
        if self.function == "-" and batch.histograms is not None:
            present = batch.present
            cells = HistogramCells(batch.histograms.index, negate(batch.histograms.table))
        return replace(batch, values=np.ascontiguousarray(values), present=present, histograms=cells)

    def finish(self) -> None:
        """Nothing is left."""


@dataclass(frozen=True, slots=True)
class VectorScalarStage:
    """An operator with a scalar, float64[k].

    A filter keeps the vector's value, whichever side that is on. Names are left to the stage behind.
    """

    run: Run
    node: VectorScalar
    scalar: Floats

    def apply(self, batch: Batch) -> Batch:
        """Return the rows with new values, or with fewer present."""
        assert isinstance(batch, Steps)
        op = self.node.op
        filtering = op in COMPARISONS and not self.node.return_bool
        if is_mixed(op, batch.histograms):
            return self._apply_mixed(batch, filtering=filtering)
        sides = (self.scalar, batch.values) if self.node.swapped else (batch.values, self.scalar)
        if filtering:
            return replace(batch, present=batch.present & COMPARISONS[op](*sides))
        return replace(batch, values=operate(op, *sides))

    def _apply_mixed(self, batch: Steps, *, filtering: bool) -> Steps:
        node = self.node
        vector = Side(batch.values, batch.histograms)
        scalar = Side(np.broadcast_to(self.scalar, batch.values.shape), None)
        left, right = (scalar, vector) if node.swapped else (vector, scalar)
        notes = note_pairs(node.op, left, right, batch.present)
        found = operate_mixed(self.run, node.op, left, right, notes, node.position, filtering=filtering)
        present = batch.present & found.present
        if filtering:
            return replace(batch, present=present, histograms=None)
        return replace(batch, values=found.values, present=present, histograms=found.cells)

    def finish(self) -> None:
        """Nothing is left."""
