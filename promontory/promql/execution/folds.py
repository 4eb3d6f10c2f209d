"""The sink of sum, avg, min, max, count, group, stddev and stdvar: rows are folded as they come.

Only the state of the groups is held, [groups, times], however many series there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.kernels import aggregations
from promontory.kernels.compile import Kernel
from promontory.kernels.name_marks import note_marks, settle_marks
from promontory.model.steps import Steps
from promontory.promql.execution.annotations import ignored_in_aggregation
from promontory.promql.execution.fold_states import FoldStates
from promontory.promql.execution.groups import GroupTable
from promontory.promql.execution.histogram_folds import HistogramFold
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Value, compact
from promontory.promql.plan.nodes import Aggregate

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def _finish_avg(count: Floats, total: Floats, lost: Floats, running: Floats) -> Floats:
    return np.where(running != 0, total + lost, total / count + lost / count)


@dataclass(frozen=True, slots=True)
class Fold:
    """How rows enter the states of a group, and what these come to.

    `states` are the types of arrays [g, k] that the kernel folds into; the first says, or counts, who was there.
    """

    kernel: Kernel[..., int]
    states: tuple[type[np.generic], ...]
    finish: Callable[..., Floats]


FLAG, NUMBER = np.bool_, np.float64
FOLDS = {
    "sum": Fold(aggregations.fold_sum, (FLAG, NUMBER, NUMBER), lambda _, total, lost: total + lost),
    "avg": Fold(aggregations.fold_avg, (NUMBER, NUMBER, NUMBER, NUMBER), _finish_avg),
    "min": Fold(aggregations.fold_min, (FLAG, NUMBER), lambda _, least: least),
    "max": Fold(aggregations.fold_max, (FLAG, NUMBER), lambda _, most: most),
    "count": Fold(aggregations.fold_count, (NUMBER,), lambda count: count),
    "group": Fold(aggregations.fold_count, (NUMBER,), lambda count: np.ones_like(count)),
    "stddev": Fold(
        aggregations.fold_variance, (NUMBER, NUMBER, NUMBER), lambda count, _, squares: np.sqrt(squares / count)
    ),
    "stdvar": Fold(aggregations.fold_variance, (NUMBER, NUMBER, NUMBER), lambda count, _, squares: squares / count),
}


class FoldSink:
    """Folds batches into groups, in order."""

    def __init__(self, run: Run, node: Aggregate, *, count: int) -> None:
        self._run = run
        self._node = node
        self._fold = FOLDS[node.op]
        self._histograms: HistogramFold | None = None
        self._table = GroupTable(run.symbols)
        self._states = FoldStates(run, self._fold.states, count=count)
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
        self._states.fold(self._fold.kernel, batch.values, present, group)

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
        self._histograms.absorb(batch, group, self._states.seen(len(self._table)))
        return batch.floats

    def finish(self) -> Value:
        """Return one row a group that had a value."""
        groups = len(self._table)
        values, present = self._states.finish(self._fold.finish, groups)
        steps = Steps(self._table.labels(), values, present, settle_marks(self._marks[:groups]))
        if self._histograms is not None:
            steps = self._histograms.finish(steps)
            self._histograms = None
        return compact(steps)

    def _make_room(self) -> None:
        self._states.make_room(len(self._table))
        known, times = self._marks.shape
        if known < len(self._table):
            room = max(2 * known, len(self._table))
            self._marks = np.concatenate([self._marks, np.zeros((room - known, times), np.uint8)])
