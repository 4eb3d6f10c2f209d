"""The sink of sum, avg, min, max, count, group, stddev and stdvar: rows are folded as they come.

Only the state of the groups is held, [groups, times], however many series there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.kernels import aggregations
from promontory.kernels.compile import Kernel
from promontory.kernels.name_marks import note_marks, settle_marks
from promontory.model.steps import Steps
from promontory.promql.execution.annotations import ignored_in_aggregation
from promontory.promql.execution.groups import GroupTable
from promontory.promql.execution.histogram_folds import HistogramFold
from promontory.promql.execution.operator import Batch, Operator
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Value, compact
from promontory.promql.plan.nodes import Aggregate

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Four columns of float64.
STATE_BYTES = 32
FoldKernel = Kernel[[Floats, Flags, NDArray[np.int32], NDArray[np.uint8], Floats, Floats, Floats, Floats], int]


def _finish_avg(count: Floats, total: Floats, lost: Floats, running: Floats) -> Floats:
    return np.where(running != 0, total + lost, total / count + lost / count)


@dataclass(frozen=True, slots=True)
class Fold:
    """How rows enter a group's state, and what the state comes to; states are float64[g, k]."""

    kernel: FoldKernel
    finish: Callable[[Floats, Floats, Floats, Floats], Floats]


FOLDS = {
    "sum": Fold(aggregations.fold_sum, lambda _, total, lost, __: total + lost),
    "avg": Fold(aggregations.fold_avg, _finish_avg),
    "min": Fold(aggregations.fold_min, lambda _, least, __, ___: least),
    "max": Fold(aggregations.fold_max, lambda _, most, __, ___: most),
    "count": Fold(aggregations.fold_count, lambda count, _, __, ___: count),
    "group": Fold(aggregations.fold_count, lambda count, _, __, ___: np.ones_like(count)),
    "stddev": Fold(aggregations.fold_variance, lambda count, _, squares, __: np.sqrt(squares / count)),
    "stdvar": Fold(aggregations.fold_variance, lambda count, _, squares, __: squares / count),
}


class FoldSink:
    """Folds batches into groups, in order."""

    def __init__(self, run: Run, node: Aggregate, *, count: int) -> None:
        self._run = run
        self._node = node
        self._fold = FOLDS[node.op]
        self._histograms: HistogramFold | None = None
        self._table = GroupTable(run.symbols)
        self._states = [np.zeros((0, count)) for _ in range(4)]
        # Names are still there to be dropped only where they are dropped late.
        self._marks = np.zeros((0, count if run.delayed_names else 0), np.uint8)

    def absorb(self, batch: Batch) -> None:
        """Fold the rows of a batch."""
        assert isinstance(batch, Steps)
        local, rows = batch.labels.group(self._node.grouping, by=not self._node.without)
        group = self._table.assign(rows)[local]
        self._make_room()
        if self._run.delayed_names:
            note_marks(batch.present, group, batch.drop_name, self._marks)
        present = batch.present if batch.histograms is None else self._absorb_histograms(batch, group)
        self._fold.kernel(batch.values, present, group, self._run.stop, *self._states)

    def _absorb_histograms(self, batch: Steps, group: NDArray[np.int32]) -> Flags:
        """Fold the histograms of a batch and return which places are left for the fold of floats."""
        op = self._node.op
        if op in ("count", "group") or not batch.held.any():
            return batch.present
        if op not in ("sum", "avg"):
            self._run.inform(ignored_in_aggregation(op), self._node.histograms_position)
            return batch.floats
        if self._histograms is None:
            self._histograms = HistogramFold(self._run, self._node)
        self._histograms.absorb(batch, group, self._states[0] > 0)
        return batch.floats

    def finish(self) -> Value:
        """Return one row a group that had a value."""
        groups = len(self._table)
        count, *rest = (state[:groups] for state in self._states)
        with np.errstate(all="ignore"):
            values = self._fold.finish(count, *rest)
        steps = Steps(self._table.labels(), values, count > 0, settle_marks(self._marks[:groups]))
        if self._histograms is not None:
            steps = self._histograms.finish(steps)
            self._histograms = None
        self._run.context.budget.release(self._states[0].size * STATE_BYTES)
        self._states = []
        return compact(steps)

    def _make_room(self) -> None:
        needed = len(self._table)
        known = len(self._states[0])
        if needed <= known:
            return
        room = max(2 * known, needed)
        times = self._states[0].shape[1]
        self._run.refuse_beyond(needed * times)
        self._run.context.budget.charge((room - known) * times * STATE_BYTES)
        for index, state in enumerate(self._states):
            self._states[index] = np.zeros((room, times))
            self._states[index][: len(state)] = state
        self._marks = np.concatenate([self._marks, np.zeros((room - known, self._marks.shape[1]), np.uint8)])


class FoldOperator:
    """The same over a vector that is there as a whole."""

    def __init__(self, sink: FoldSink, vector: Operator) -> None:
        self._sink = sink
        self._vector = vector

    @property
    def inputs(self) -> Sequence[Operator]:
        """The vector."""
        return (self._vector,)

    def evaluate(self, values: Sequence[Value]) -> Value:
        """Return the groups."""
        (steps,) = values
        assert isinstance(steps, Steps)
        self._sink.absorb(steps)
        return self._sink.finish()
