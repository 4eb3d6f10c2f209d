"""The rows of an answer as the encoder takes them: how much each row holds, and the samples of a range of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from promontory.model.histograms import HistogramCells
from promontory.model.label_rows import LabelRows
from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid

Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Points:
    """m samples, row by row: times_ms int64[m] · values float64[m] · histograms over [m]."""

    times_ms: Longs
    values: NDArray[np.float64]
    histograms: HistogramCells | None


class Rows(Protocol):
    """n rows: labels · drop_name bool[n] or None · counts int64[n] samples · weights int64[n], samples and buckets.

    `held_bytes` are those of the columns.
    """

    labels: LabelRows
    drop_name: NDArray[np.bool_] | None
    counts: Longs
    weights: Longs
    held_bytes: int

    def take(self, first: int, end: int) -> Points:
        """Return the samples of rows [first, end)."""


class SampleRows:
    """Rows of raw samples: every sample has its own time."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self.labels = samples.labels
        self.drop_name: NDArray[np.bool_] | None = None
        self.counts = np.diff(samples.row_start)
        self.weights = self.counts
        if samples.histograms is not None:
            before = np.concatenate([[0], np.cumsum(_buckets(samples.histograms))])
            self.weights = self.counts + np.diff(before[samples.row_start])
        self.held_bytes = samples.resident_bytes

    def take(self, first: int, end: int) -> Points:
        """Return the samples of rows [first, end)."""
        span = slice(int(self._samples.row_start[first]), int(self._samples.row_start[end]))
        times_ms = np.ascontiguousarray(self._samples.timestamps_ms[span])
        values = np.ascontiguousarray(self._samples.values[span])
        cells = self._samples.histograms
        return Points(times_ms, values, cells and cells.at(span))


class StepRows:
    """Rows of a time grid: the samples of all rows share its times."""

    def __init__(self, steps: Steps, grid: TimeGrid) -> None:
        order = steps.order
        self._values = steps.values if order is None else steps.values[order]
        self._present = steps.present if order is None else steps.present[order]
        self._cells = steps.histograms if order is None or steps.histograms is None else steps.histograms.at(order)
        self._times_ms = grid.times_ms()
        self.labels = steps.labels if order is None else steps.labels.take(order)
        self.drop_name: NDArray[np.bool_] | None = steps.drop_name if order is None else steps.drop_name[order]
        self.counts = _count_present(self._present)
        self.weights = self.counts
        self.held_bytes = self._values.nbytes + self._present.nbytes
        if self._cells is not None:
            self.held_bytes += self._cells.resident_bytes
            self.weights = self.counts + np.where(self._present, _buckets(self._cells), 0).sum(axis=1)

    def take(self, first: int, end: int) -> Points:
        """Return the samples of rows [first, end)."""
        present = self._present[first:end]
        times_ms = np.empty(present.shape, np.int64)
        times_ms[:] = self._times_ms
        cells = self._cells
        if cells is None and present.all():
            return Points(times_ms.ravel(), self._values[first:end].ravel(), None)
        if cells is not None:
            cells = HistogramCells(cells.index[first:end][present], cells.table)
        return Points(times_ms[present], self._values[first:end][present], cells)


def _count_present(present: NDArray[np.bool_]) -> Longs:
    """Return int64[n]: the samples of each row; an instant answer is not worth the general count."""
    if present.shape[1] == 1:
        return np.array(present[:, 0], np.int64)
    counts: Longs = np.count_nonzero(present, axis=1).astype(np.int64)
    return counts


def _buckets(cells: HistogramCells) -> Longs:
    """Return how many buckets, and one more, each place that holds a histogram has; 0 at floats."""
    sizes = np.concatenate([np.diff(cells.table.bucket_start) + 1, [0]])
    weights: Longs = sizes[cells.index]
    return weights
