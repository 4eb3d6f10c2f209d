"""Small operators: what a function of whole values needs to be one, and the scalars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.model.histograms import HistogramCells
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.operator import Operator, Stage
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Value, compact, constant_steps, held_samples, make_steps
from promontory.promql.execution.wording import SORT_INEFFECTIVE
from promontory.promql.plan.arithmetic import operate
from promontory.promql.plan.position import Position

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Known:
    """A value that needs nothing."""

    value: Value

    @property
    def inputs(self) -> Sequence[Operator]:
        """None."""
        return ()

    def evaluate(self, values: Sequence[Value]) -> Value:
        """Return the value."""
        assert not values
        return self.value


@dataclass(frozen=True, slots=True)
class Compute:
    """`function` of the values of the inputs."""

    function: Callable[..., Value]
    inputs: Sequence[Operator]

    def evaluate(self, values: Sequence[Value]) -> Value:
        """Return what the function makes of the values."""
        return self.function(*values)


@dataclass(frozen=True, slots=True)
class StageOperator:
    """A stage over values that are there as a whole, once its scalars are known."""

    make_stage: Callable[..., Stage]
    inputs: Sequence[Operator]

    def evaluate(self, values: Sequence[Value]) -> Value:
        """Return the stage applied to the first value, made with the others."""
        batch, *scalars = values
        assert isinstance(batch, Samples | Steps)
        stage = self.make_stage(*scalars)
        result = stage.apply(batch)
        stage.finish()
        return result


def operate_scalar(op: str, left: Floats, right: Floats) -> Floats:
    """Return an operator between two scalars, float64[k]."""
    return operate(op, left, right)


def to_vector(run: Run, scalar: Floats) -> Steps:
    """Return vector(scalar)."""
    return constant_steps(LabelRows.from_labels([Labels()], run.symbols), scalar)


def to_scalar(steps: Steps) -> Floats:
    """Return scalar(vector): the value where exactly one float is present, else NaN."""
    if not len(steps):
        return np.full(steps.values.shape[1], np.nan)
    floats = steps.floats
    chosen = np.take_along_axis(steps.values, floats.argmax(axis=0)[None, :], axis=0)[0]
    return np.where(np.count_nonzero(floats, axis=0) == 1, chosen, np.nan)


def absent(run: Run, labels: Labels, steps: Steps) -> Steps:
    """Return 1 at the times at which no element is present."""
    missing: NDArray[np.bool_] = ~np.any(steps.present, axis=0)
    return make_steps(LabelRows.from_labels([labels], run.symbols), np.ones((1, len(missing))), missing[None, :])


def repeat(run: Run, count: int, value: Value) -> Value:
    """Return a value of one time at `count` times."""
    if isinstance(value, Steps):
        run.refuse_beyond(held_samples(value) * count)
        run.expect(len(value), count)
        order = value.order if count == 1 else None
        cells = value.histograms
        return Steps(
            value.labels, np.repeat(value.values, count, axis=1), np.repeat(value.present, count, axis=1),
            value.drop_name, order, cells and HistogramCells(np.repeat(cells.index, count, axis=1), cells.table),
        )  # fmt: skip
    assert isinstance(value, np.ndarray)
    return np.repeat(value, count)


def is_orderable(run: Run, grid: TimeGrid, position: Position) -> bool:
    """Say whether a vector can have an order: not over a range, of which that is noted."""
    if grid.count and grid.start_ms != grid.end_ms:
        run.warn(SORT_INEFFECTIVE, position)
    return grid.count == 1


def sort_values(run: Run, grid: TimeGrid, position: Position, steps: Steps, *, descending: bool) -> Steps:
    """Return the floats with the order of their values, NaN last; a range answer is ordered by labels always."""
    if steps.histograms is not None:
        steps = compact(replace(steps, present=steps.floats, histograms=None, order=None))
    if not is_orderable(run, grid, position):
        return replace(steps, order=None)
    values = steps.values[:, 0]
    key = -values if descending else values
    return replace(steps, order=np.argsort(key, kind="stable"))
