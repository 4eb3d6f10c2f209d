"""The sums and means of native histograms in groups, kept while batches come.

    place int32[g, k]   row of the group's sum in `sums` at each time, 0 where there is none: row 0 is an empty sum

A group with floats and histograms at one time has no result there, and neither has one with exponential and custom
buckets. What is added in vain is left out as in Prometheus, so that the same is noted: no histogram counts behind a
float that came first, and nothing at all behind the histogram that did not fit.

Source: Prometheus 3.14, promql/engine.go, aggregation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.model.histograms import HistogramCells, Histograms
from promontory.model.labels import METRIC_NAME
from promontory.model.steps import Steps
from promontory.promql.execution.annotations import (
    MIXED_AGGREGATION,
    conflicting_resets,
    mixed_schemas,
    reconciled_bounds,
)
from promontory.promql.execution.histogram_algebra import add_lists, concat_combined
from promontory.promql.execution.run import Run
from promontory.promql.plan.nodes import Aggregate

Flags = NDArray[np.bool_]
Index = NDArray[np.int64]
Groups = NDArray[np.int32]

NO_ROW = np.iinfo(np.int64).max


class HistogramFold:
    """The histograms of one aggregation. Fed in order, by one thread at a time."""

    def __init__(self, run: Run, node: Aggregate) -> None:
        self._run = run
        self._node = node
        self._sums = add_lists(Histograms.empty(run.symbols), np.zeros(2, np.int64), np.empty(0, np.int64), run.stop)
        self._place = np.zeros((0, 0), np.int32)
        self._seen = np.zeros((0, 0), np.bool_)
        self._float_first = np.zeros((0, 0), np.bool_)
        self._failed_unmixed = np.zeros((0, 0), np.bool_)
        self._charged_bytes = 0

    def absorb(self, batch: Steps, group: Groups, floats_before: Flags) -> None:
        """Add a batch's histograms; floats_before bool[g, k]: where groups had floats in earlier batches."""
        self._make_room(floats_before.shape)
        row, time = np.nonzero(batch.held)
        cell = group[row].astype(np.int64) * batch.values.shape[1] + time
        first_float = _first_floats(batch, group, floats_before)
        first_row = np.full(self._seen.size, NO_ROW)
        np.minimum.at(first_row, cell, row)
        fresh = ~self._seen.ravel() & (first_row < NO_ROW)
        self._float_first.ravel()[fresh & (first_float < first_row)] = True
        self._seen.ravel()[cell] = True
        kept = ~self._float_first.ravel()[cell]
        if kept.any():
            self._add(batch, row[kept], time[kept], cell[kept], first_float)

    def _add(self, batch: Steps, row: Index, time: Index, cell: Index, first_float: Index) -> None:
        cells = batch.histograms
        assert cells is not None
        order = np.argsort(cell, kind="stable")
        touched, start = np.unique(cell[order], return_index=True)
        place = self._place.ravel()
        added = add_lists(
            cells.table, np.append(start, len(order)), cells.index[row[order], time[order]].astype(np.int64),
            self._run.stop, before=self._sums.take(place[touched].astype(np.int64)), mean=self._node.op == "avg",
        )  # fmt: skip
        failed = added.failed_at >= 0
        failing_row = row[order][added.failed_at[failed]]
        self._failed_unmixed.ravel()[touched[failed]] = first_float[touched[failed]] > failing_row
        for name in np.unique(batch.labels.column(METRIC_NAME)[failing_row]).tolist():
            self._run.warn(mixed_schemas(self._run.symbols.text(name)), self._node.histograms_position)
        others = np.ones(len(self._sums.members), np.bool_)
        others[place[touched]] = False
        others[0] = True
        self._sums = concat_combined([self._sums.take(np.flatnonzero(others)), added])
        place[:] = (np.cumsum(others) - 1)[place]
        place[touched] = np.arange(np.count_nonzero(others), len(self._sums.members))
        self._charge(self._sums.totals.resident_bytes)

    def finish(self, floats: Steps) -> Steps:
        """Return what the groups come to; `floats` are the results of the groups' floats."""
        self._make_room(floats.present.shape)
        position = self._node.histograms_position
        if self._sums.reconciled.any():
            self._run.inform(reconciled_bounds("aggregation"), position)
        mixed = floats.present & self._seen
        if (mixed & ~self._failed_unmixed).any():
            self._run.warn(MIXED_AGGREGATION, position)
        held = self._seen & ~mixed & ~self._sums.failed[self._place]
        if self._sums.collided[self._place][held].any():
            self._run.warn(conflicting_resets("aggregation"), position)
        chosen = self._sums.take(self._place[held].astype(np.int64))
        table = chosen.means() if self._node.op == "avg" else chosen.histograms
        index = np.full(held.shape, -1, np.int32)
        index[held] = np.arange(len(table))
        self._charge(0)
        cells = HistogramCells(index, table) if len(table) else None
        return replace(floats, present=(floats.present & ~self._seen) | held, histograms=cells)

    def _make_room(self, shape: tuple[int, ...]) -> None:
        """Give the groups that there are now a row; `shape` is (groups or more, times)."""
        known = min(shape[0], len(self._place))
        for name in ("_place", "_seen", "_float_first", "_failed_unmixed"):
            before = getattr(self, name)
            if before.shape == shape:
                return
            after = np.zeros(shape, before.dtype)
            after[:known, : before.shape[1]] = before[:known]
            setattr(self, name, after)

    def _charge(self, size_bytes: int) -> None:
        self._run.charge(size_bytes)
        self._run.give_back(self._charged_bytes)
        self._charged_bytes = size_bytes


def _first_floats(batch: Steps, group: Groups, floats_before: Flags) -> Index:
    """Return int64[g * k]: the first row with a float, -1 where an earlier batch had one."""
    first: Index = np.where(floats_before, -1, NO_ROW).ravel()
    row, time = np.nonzero(batch.floats)
    np.minimum.at(first, group[row].astype(np.int64) * batch.values.shape[1] + time, row)
    return first
