"""Samples: decoded, trimmed to the wanted range, replicas merged; the input of the query engine.

A sample is a float or a native histogram. A stale marker is a float always, whatever the series held before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.windows import count_stale
from promontory.model.histograms import HistogramCells, concat_cells
from promontory.model.label_rows import LabelRows, concat_rows
from promontory.model.symbols import SymbolTable

# Prometheus' stale marker: the one NaN that means "the series ended here".
STALE_NAN_BITS = 0x7FF0000000000002


@dataclass(frozen=True, slots=True)
class Samples:
    """n series with m samples in all.

    labels LabelRows of n · row_start int64[n + 1] · timestamps_ms int64[m], rising within a row · values float64[m] ·
    histograms HistogramCells over [m], None where all samples are floats ·
    start_ms int64[m], when the counter of each sample began, 0 where unknown; None where no sample says ·
    drop_name bool[n], as in Steps, for samples that a subquery made; None where no name goes
    """

    labels: LabelRows
    row_start: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    histograms: HistogramCells | None = None
    start_ms: NDArray[np.int64] | None = None
    drop_name: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.row_start) - 1

    @property
    def resident_bytes(self) -> int:
        """Bytes of the sample columns."""
        size = self.row_start.nbytes + self.timestamps_ms.nbytes + self.values.nbytes
        size += self.histograms.resident_bytes if self.histograms is not None else 0
        return size + (self.start_ms.nbytes if self.start_ms is not None else 0)

    @staticmethod
    def empty(symbols: SymbolTable) -> Samples:
        """Return no series."""
        return Samples(LabelRows.empty(symbols), np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0))

    def keep(self, kept: NDArray[np.bool_]) -> Samples:
        """Return the samples for which bool[m] `kept` is set; rows stay, and may be empty."""
        before = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
        return self._choose(self.labels, before[self.row_start], kept, self.drop_name)

    def take(self, index: NDArray[np.int64]) -> Samples:
        """Return the rows at `index`, in that order."""
        counts = np.diff(self.row_start)[index]
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        place = np.repeat(self.row_start[index] - starts[:-1], counts) + np.arange(starts[-1])
        marks = self.drop_name[index] if self.drop_name is not None else None
        return self._choose(self.labels.take(index), starts, place, marks)

    def rows(self, first: int, last: int) -> Samples:
        """Return the rows [first, last); columns are shared, not copied."""
        start, end = int(self.row_start[first]), int(self.row_start[last])
        row_start = self.row_start[first : last + 1] - start
        marks = self.drop_name[first:last] if self.drop_name is not None else None
        return self._choose(self.labels.slice(first, last), row_start, slice(start, end), marks)

    def split(self, rows: int) -> Iterator[Samples]:
        """Yield the rows so many at a time; columns are shared, not copied."""
        if len(self) <= rows:
            yield self
            return
        for first in range(0, len(self), rows):
            yield self.rows(first, min(first + rows, len(self)))

    def _choose(
        self,
        labels: LabelRows,
        row_start: NDArray[np.int64],
        key: NDArray[np.int64] | NDArray[np.bool_] | slice,
        drop_name: NDArray[np.bool_] | None,
    ) -> Samples:
        return Samples(
            labels,
            row_start,
            self.timestamps_ms[key],
            self.values[key],
            self.histograms.at(key) if self.histograms is not None else None,
            self.start_ms[key] if self.start_ms is not None else None,
            drop_name,
        )


def drop_stale(samples: Samples) -> Samples:
    """Return the samples without stale markers."""
    bits = samples.values.view(np.uint64)
    if count_stale(bits) == 0:
        return samples
    return samples.keep(bits != STALE_NAN_BITS)


def concat_samples(parts: Sequence[Samples]) -> Samples:
    """Return the rows of all parts, one after the other. At least one part."""
    if len(parts) == 1:
        return parts[0]
    counts = np.concatenate([np.diff(part.row_start) for part in parts])
    starts = None
    if any(part.start_ms is not None for part in parts):
        starts = np.concatenate(
            [np.zeros(len(part.values), np.int64) if part.start_ms is None else part.start_ms for part in parts]
        )
    marks = None
    if any(part.drop_name is not None for part in parts):
        marks = np.concatenate(
            [np.zeros(len(part), np.bool_) if part.drop_name is None else part.drop_name for part in parts]
        )
    return Samples(
        labels=concat_rows([part.labels for part in parts]),
        row_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        timestamps_ms=np.concatenate([part.timestamps_ms for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        histograms=concat_cells([part.histograms for part in parts], [part.values.shape for part in parts]),
        start_ms=starts,
        drop_name=marks,
    )
