"""A stage that leaves of raw histograms their count, sum and reset hint.

The hint of a histogram that has none is found from the histogram before it in the series, with the buckets of both;
the first of a series has none to compare with. Floats and stale markers between do not matter.

Source: Prometheus 3.14, promql/histogram_stats_iterator.go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from promontory.model.histograms import HistogramCells, Histograms, ResetHint
from promontory.model.samples import Samples
from promontory.promql.execution.histogram_algebra import detect_resets
from promontory.promql.execution.operator import Batch


@dataclass(frozen=True, slots=True)
class StatisticsOnlyStage:
    """Finds resets and drops buckets."""

    def apply(self, batch: Batch) -> Batch:
        """Return the samples with bare histograms."""
        assert isinstance(batch, Samples)
        cells = batch.histograms
        if cells is None:
            return batch
        place = np.flatnonzero(cells.held)
        table = cells.table.take(cells.index[place].astype(np.int64))
        series = np.searchsorted(batch.row_start, place, side="right")
        follows = np.flatnonzero((series[1:] == series[:-1]) & (table.hint[1:] == ResetHint.UNKNOWN)) + 1
        reset = detect_resets(table, follows, follows - 1)
        hint = table.hint.copy()
        hint[follows] = np.where(reset, ResetHint.RESET, ResetHint.NOT_RESET)
        index = np.full(len(cells.index), -1, np.int32)
        index[place] = np.arange(len(place))
        return replace(batch, histograms=HistogramCells(index, _bare(replace(table, hint=hint))))

    def finish(self) -> None:
        """Nothing is left."""


def _bare(table: Histograms) -> Histograms:
    none = np.zeros(len(table))
    return replace(
        table, bounds=np.zeros(len(table), np.int32), zero_threshold=none, zero_count=none,
        bucket_start=np.zeros(len(table) + 1, np.int64), bucket_key=np.empty(0, np.int32), bucket_count=np.empty(0),
    )  # fmt: skip
