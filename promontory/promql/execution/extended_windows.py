"""Stages of `anchored` and `smoothed` selectors: rates, counts, look-ups and raw ranges that see beyond their window.

Source: Prometheus 3.14, promql/functions.go, extrapolatedRate; engine.go, smoothSeries and matrixSelector.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError
from promontory.kernels import extended_windows as kernels
from promontory.model.samples import Samples, drop_stale
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.counter_names import RATES, inform_of_gauges
from promontory.promql.execution.extended_histograms import COUNTING, Extended, evaluate_extended, smooth_histograms
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.run import Run
from promontory.promql.execution.start_times import find_restarts
from promontory.promql.execution.values import make_steps
from promontory.promql.plan.nodes import Extension, Read
from promontory.promql.plan.position import Position

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.int64]

# Two int64 a window: the samples that it begins and ends with.
PLACES_BYTES = 16


@dataclass(frozen=True, slots=True)
class ExtendedWindowStage:
    """A function over the samples of an extended window; `position` is where the range stands in the query."""

    run: Run
    function: str
    grid: TimeGrid
    read: Read
    position: Position

    def apply(self, batch: Batch) -> Batch:
        """Return a vector of the samples' series; names stay."""
        assert isinstance(batch, Samples)
        samples = drop_stale(batch)
        count = self.grid.count
        self.run.expect(len(samples), count)
        self.run.expect_bytes(len(samples) * count * PLACES_BYTES)
        values, present = np.empty((len(samples), count)), np.zeros((len(samples), count), np.bool_)
        first, last = self._find(samples)
        if self.function in COUNTING:
            self._count(samples, first, last, values, present)
        else:
            self._rate(samples, first, last, values, present)
        cells = None
        if samples.histograms is not None:
            asked = Extended(self.run, self.function, self.read, self.read.timing.apply(self.grid), self.position)
            cells = evaluate_extended(asked, samples, self._find, values, present)
        if self.function in RATES:
            floats = present if cells is None else present & ~cells.held
            inform_of_gauges(self.run, samples.labels, floats, self.position)
        return replace(make_steps(batch.labels, values, present), histograms=cells)

    def _find(self, samples: Samples) -> tuple[Index, Index]:
        """Return the first and the last sample of each window, int64[n, k]."""
        count = self.grid.count
        ends = self.read.timing.apply(self.grid)
        first, last = np.empty((len(samples), count), np.int64), np.empty((len(samples), count), np.int64)
        kernels.find_extended(
            samples.row_start, samples.timestamps_ms, ends.start_ms, ends.step_ms,
            self.read.range_ms, self.read.before_ms, self.read.after_ms, int(self._smoothed),
            self.run.stop, np.empty(2 * count, np.int64), first, last,
        )  # fmt: skip
        return first, last

    @property
    def _smoothed(self) -> bool:
        return self.read.extension is Extension.SMOOTHED

    def _rate(self, samples: Samples, first: Index, last: Index, values: Floats, present: Flags) -> None:
        ends = self.read.timing.apply(self.grid)
        divisor = self.read.range_ms / 1000.0 if self.function == "rate" else 1.0
        kernels.extended_rates(
            samples.timestamps_ms, samples.values, first, last, ends.start_ms, ends.step_ms, self.read.range_ms,
            int(self._smoothed), int(self.function in RATES), divisor, self.run.stop, values, present,
        )  # fmt: skip

    def _count(self, samples: Samples, first: Index, last: Index, values: Floats, present: Flags) -> None:
        longest = int(np.diff(samples.row_start).max(initial=0))
        falls = self.function == "resets"
        restarted = np.zeros(0, np.bool_)
        if falls and samples.start_ms is not None:
            restarted = find_restarts(samples)[0]
        kernels.count_anchored(
            samples.row_start, samples.values, first, last, int(falls), restarted,
            self.run.stop, np.empty(longest, np.int64), np.empty(first.shape[1], np.int64), values, present,
        )  # fmt: skip

    def finish(self) -> None:
        """Nothing is left."""


@dataclass(frozen=True, slots=True)
class SmoothedLookupStage:
    """The value at each time, between the samples around it; the last one's where none follows within the lookback."""

    run: Run
    grid: TimeGrid
    read: Read
    position: Position

    def apply(self, batch: Batch) -> Batch:
        """Return a vector of the samples' series."""
        assert isinstance(batch, Samples)
        samples = drop_stale(batch)
        ends = self.read.timing.apply(self.grid)
        count = self.grid.count
        self.run.expect(len(samples), count)
        self.run.expect_bytes(len(samples) * count * PLACES_BYTES)
        left, right = np.empty((len(samples), count), np.int64), np.empty((len(samples), count), np.int64)
        kernels.find_around(
            samples.row_start, samples.timestamps_ms, ends.start_ms, ends.step_ms,
            self.read.range_ms, self.read.after_ms, self.run.stop, np.empty(count, np.int64), left, right,
        )  # fmt: skip
        values, present = np.empty(left.shape), np.zeros(left.shape, np.bool_)
        kernels.smooth_values(
            samples.timestamps_ms, samples.values, left, right, ends.start_ms, ends.step_ms,
            self.run.stop, values, present,
        )  # fmt: skip
        steps = make_steps(batch.labels, values, present)
        if samples.histograms is None:
            return steps
        asked = Extended(self.run, "", self.read, ends, self.position)
        return smooth_histograms(asked, samples, (left, right), steps)

    def finish(self) -> None:
        """Nothing is left."""


@dataclass(frozen=True, slots=True)
class ExtendStage:
    """The samples of one window, with a value at each of its edges."""

    grid: TimeGrid
    read: Read

    def apply(self, batch: Batch) -> Batch:
        """Return the samples. Raises ExecutionError for histograms, as Prometheus does."""
        assert isinstance(batch, Samples)
        samples = drop_stale(batch)
        if samples.histograms is not None and samples.histograms.held.any():
            raise ExecutionError(f"{self.read.extension.value} modifier is not supported with histograms")
        end_ms = self.read.timing.apply(self.grid).start_ms
        room = len(samples.values) + 2 * len(samples)
        times, values = np.empty(room, np.int64), np.empty(room)
        row_start = np.zeros(len(samples) + 1, np.int64)
        used = kernels.extend_rows(
            samples.row_start, samples.timestamps_ms, samples.values, end_ms - self.read.range_ms, end_ms,
            int(self.read.extension is Extension.SMOOTHED), row_start, times, values,
        )  # fmt: skip
        return Samples(samples.labels, row_start, times[:used], values[:used])

    def finish(self) -> None:
        """Nothing is left."""
