"""topk and bottomk: a sink that keeps, of each group and time, the rows that are greatest or least so far.

Rows are numbered as they come. The labels of those that were in a heap at some time are kept; the answer has one row
for each that is in a heap at the end, in the order in which they came.

Source: Prometheus 3.14, promql/engine.go, aggregationK.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.tops import fold_top, mark_top, place_top
from promontory.model.label_rows import LabelRows, concat_rows
from promontory.model.steps import Steps
from promontory.promql.execution.groups import GroupTable
from promontory.promql.execution.heaps import Heaps
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.ranks import check_wanted, leave_out_histograms
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Floats, Value, compact, empty_steps, knows_types, merge_equal
from promontory.promql.plan.nodes import Aggregate

Longs = NDArray[np.int64]
# More rows than a query can have.
ALL_ROWS = 2**31 - 1


class TopSink:
    """Keeps the k greatest (bottomk: least) rows of each group at each time; wanted: float64[k], how many."""

    def __init__(self, run: Run, node: Aggregate, count: int, wanted: Floats) -> None:
        self._run = run
        self._node = node
        self._asked = wanted
        # NaN is not below 1: it is refused even where there is nothing to choose from.
        self._is_empty = wanted.max(initial=0.0) < 1
        self._wanted = np.clip(np.nan_to_num(wanted), 0, ALL_ROWS).astype(np.int64)
        self._sign = 1.0 if node.op == "topk" else -1.0
        self._table = GroupTable(run.symbols)
        self._heaps = Heaps(run, count=count)
        self._seen = np.zeros(0, np.int64)
        self._rows = 0
        self._numbers: list[Longs] = [np.empty(0, np.int64)]
        self._labels: list[LabelRows] = [LabelRows.empty(run.symbols)]
        self._drop_name: list[NDArray[np.bool_]] = [np.empty(0, np.bool_)]

    def absorb(self, batch: Batch) -> None:
        """Put the rows of a batch into the heaps."""
        assert isinstance(batch, Steps)
        if self._is_empty or not len(batch):
            return
        steps = leave_out_histograms(self._run, self._node, compact(batch))
        local, labels = steps.labels.group(self._node.grouping, by=not self._node.without)
        group = self._table.assign(labels)[local]
        self._make_room(group)
        entered = np.zeros(len(steps), np.bool_)
        heaps = self._heaps
        fold_top(
            steps.values, steps.present, group, self._wanted, self._sign, self._rows, self._run.stop,
            heaps.base, heaps.sizes, heaps.values, heaps.rows, entered,
        )  # fmt: skip
        kept = np.flatnonzero(entered)
        self._numbers.append(kept + self._rows)
        self._labels.append(steps.labels.take(kept))
        self._drop_name.append(steps.drop_name[kept])
        self._rows += len(steps)

    def finish(self) -> Value:
        """Return the rows that are in a heap; those of an instant answer with their order."""
        if not self._is_empty:
            check_wanted(self._asked)
        if not self._rows:
            return empty_steps(self._run.symbols, len(self._wanted))
        steps = self._placed()
        if len(self._wanted) == 1:
            steps = replace(steps, order=self._order())
        self._heaps.release()
        self._labels.clear()
        return steps

    def _placed(self) -> Steps:
        heaps = self._heaps
        chosen = np.zeros(self._rows, np.bool_)
        mark_top(heaps.base, heaps.sizes, heaps.rows, chosen)
        rows = np.flatnonzero(chosen)
        self._run.expect(len(rows), len(self._wanted))
        values = np.zeros((len(rows), len(self._wanted)))
        present = np.zeros(values.shape, np.bool_)
        place_top(heaps.base, heaps.sizes, heaps.rows, heaps.values, np.cumsum(chosen) - 1, values, present)
        kept = np.searchsorted(np.concatenate(self._numbers), rows)
        labels = concat_rows(self._labels).take(kept)
        steps = Steps(labels, values, present, np.concatenate(self._drop_name)[kept])
        # Series that were told apart by their types alone, of which a stage took these.
        return merge_equal(steps) if knows_types(self._run.symbols) and not self._run.delayed_names else steps

    def _order(self) -> Longs:
        """Return int64[n]: the rows group by group, greatest first and NaN last."""
        heaps = self._heaps
        places = [
            rows[np.argsort(-self._sign * values, kind="stable")]
            for base, size in zip(heaps.base.tolist(), heaps.sizes[:, 0].tolist(), strict=True)
            for rows, values in [(heaps.rows[base : base + size, 0], heaps.values[base : base + size, 0])]
        ]
        rows = np.concatenate([np.empty(0, np.int64), *places])
        return np.searchsorted(np.unique(rows), rows)

    def _make_room(self, group: NDArray[np.int32]) -> None:
        """Have as many places a group as it has rows, or as rows are wanted."""
        counts = np.bincount(group, minlength=len(self._table))
        counts[: len(self._seen)] += self._seen
        self._seen = counts
        most = int(self._wanted.max(initial=0))
        self._heaps.make_room(np.minimum(counts, most), most)
