"""Stages that turn samples into values at the times of a grid: windows and look-ups.

A kernel stops early when the query is stopped; the pipeline checks for that after each batch, so rows that were not
done are never used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from promontory.kernels import over_time, rates, sample_times, trends
from promontory.kernels.absolute_deviation import mad_windows
from promontory.kernels.lookup import find_newest, lookup_samples
from promontory.kernels.smoothing import smoothing_windows
from promontory.kernels.windows import ROOM, WindowKernel
from promontory.model.histograms import HistogramCells
from promontory.model.samples import Samples, drop_stale
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.counter_names import RATES, inform_of_gauges
from promontory.promql.execution.histogram_windows import evaluate_mixed
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.run import Run
from promontory.promql.execution.smoothing import refuse_factors
from promontory.promql.execution.start_times import KINDS, evaluate_started, warn_float_overlaps
from promontory.promql.execution.values import make_steps
from promontory.promql.execution.wording import warn_quantiles
from promontory.promql.plan.nodes import Timing
from promontory.promql.plan.position import Position

Item = TypeVar("Item", bound=np.generic)

KERNELS: dict[str, WindowKernel] = {
    "avg_over_time": over_time.avg_windows,
    "double_exponential_smoothing": smoothing_windows,
    "mad_over_time": mad_windows,
    "ts_of_first_over_time": sample_times.first_time_windows,
    "ts_of_last_over_time": sample_times.last_time_windows,
    "ts_of_max_over_time": sample_times.max_time_windows,
    "ts_of_min_over_time": sample_times.min_time_windows,
    "changes": rates.changes_windows,
    "count_over_time": over_time.count_windows,
    "delta": rates.delta_windows,
    "deriv": trends.deriv_windows,
    "first_over_time": over_time.first_windows,
    "idelta": rates.idelta_windows,
    "increase": rates.increase_windows,
    "irate": rates.irate_windows,
    "last_over_time": over_time.last_windows,
    "max_over_time": over_time.max_windows,
    "min_over_time": over_time.min_windows,
    "predict_linear": trends.predict_linear_windows,
    "present_over_time": over_time.present_windows,
    "quantile_over_time": over_time.quantile_windows,
    "rate": rates.rate_windows,
    "resets": rates.resets_windows,
    "stddev_over_time": over_time.stddev_windows,
    "stdvar_over_time": over_time.stdvar_windows,
    "sum_over_time": over_time.sum_windows,
}


@dataclass(frozen=True, slots=True)
class LookupStage:
    """The newest sample within the lookback, or with `times` its timestamp in seconds, with `starts` its start."""

    run: Run
    grid: TimeGrid
    timing: Timing
    lookback_ms: int
    times: bool = False
    starts: bool = False

    def apply(self, batch: Batch) -> Batch:
        """Return a vector of the samples' series."""
        assert isinstance(batch, Samples)
        ends = self.timing.apply(self.grid)
        self.run.expect(len(batch), self.grid.count)
        values = np.empty((len(batch), ends.count))
        present = np.zeros(values.shape, np.bool_)
        shown = batch.values
        if self.starts:
            shown = np.zeros(len(shown)) if batch.start_ms is None else batch.start_ms / 1000.0
        lookup_samples(
            batch.row_start, batch.timestamps_ms, shown, batch.values.view(np.uint64),
            ends.start_ms, ends.step_ms, self.lookback_ms, int(self.times),
            self.run.stop, np.empty(ends.count, np.int64), values, present,
        )  # fmt: skip
        if self.starts and not self.run.start_timestamps:
            present[:] = False
        steps = make_steps(batch.labels, *_spread(values, present, self.grid.count))
        if batch.histograms is None or self.times or self.starts or not present.any():
            return steps
        newest = np.full((len(batch), ends.count), -1, np.int64)
        find_newest(
            batch.row_start, batch.timestamps_ms, ends.start_ms, ends.step_ms, self.lookback_ms,
            self.run.stop, np.empty(ends.count, np.int64), newest,
        )  # fmt: skip
        index = np.where(present, batch.histograms.index[newest], np.int32(-1))
        table = batch.histograms.table
        return replace(steps, histograms=HistogramCells(_spread_one(index, self.grid.count), table).compact())

    def finish(self) -> None:
        """Nothing is left."""


@dataclass(frozen=True, slots=True)
class WindowStage:
    """A function over the samples of a window; `parameter` is float64[k] or empty."""

    run: Run
    function: str
    grid: TimeGrid
    timing: Timing
    range_ms: int
    parameter: NDArray[np.float64]
    position: Position

    def apply(self, batch: Batch) -> Batch:
        """Return a vector of the samples' series; names stay."""
        assert isinstance(batch, Samples)
        samples = drop_stale(batch)
        self.run.expect(len(samples), self.grid.count)
        if samples.histograms is None:
            values, present = self._evaluate(samples)
            cells, floats = None, present
        else:
            values, present, cells = evaluate_mixed(
                self.run, self.function, samples, self.timing.apply(self.grid), self.range_ms, self.position,
                self._evaluate,
            )  # fmt: skip
            floats = present if cells is None else present & ~cells.held
        if self.function in RATES:
            inform_of_gauges(self.run, samples.labels, floats, self.position)
            warn_float_overlaps(
                self.run, samples, self.timing.apply(self.grid), self.range_ms, floats, self.position
            )  # fmt: skip
        if self.function == "double_exponential_smoothing":
            refuse_factors(self.parameter, floats)
        if self.function == "quantile_over_time":
            warn_quantiles(self.run, self.parameter[np.any(floats, axis=0)], self.position)
        steps = replace(make_steps(batch.labels, values, present), histograms=cells)
        return steps if batch.drop_name is None else replace(steps, drop_name=batch.drop_name)

    def _evaluate(self, samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return (values, present) of samples that are floats."""
        ends = self.timing.apply(self.grid)
        count = self.grid.count
        if samples.start_ms is not None and self.function in KINDS:
            return evaluate_started(self.run, self.function, samples, ends, count, self.range_ms)
        # Under @ all windows are one; those that ask the time are evaluated at each step all the same.
        shared = ends.step_ms > 0 and self.range_ms % ends.step_ms == 0
        shift = self.range_ms // ends.step_ms if shared else -1
        if shift > 2 * count:
            shift = -1
        longest = int(np.diff(samples.row_start).max(initial=0))
        values = np.empty((len(samples), count))
        present = np.zeros(values.shape, np.bool_)
        KERNELS[self.function](
            samples.row_start, samples.timestamps_ms, samples.values,
            ends.start_ms, ends.step_ms, self.range_ms, shift, self.grid.times_ms(), self.parameter,
            self.run.stop, np.empty(count + shift if shift >= 0 else 2 * count, np.int64),
            np.empty(longest + ROOM, np.int64), np.empty(longest + ROOM), values, present,
        )  # fmt: skip
        return values, present

    def finish(self) -> None:
        """Nothing is left."""


def _spread(
    values: NDArray[np.float64], present: NDArray[np.bool_], count: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return _spread_one(values, count), _spread_one(present, count)


def _spread_one(columns: NDArray[Item], count: int) -> NDArray[Item]:
    """Return one column repeated to `count` where @ made all times one."""
    return columns if columns.shape[1] == count else np.repeat(columns, count, axis=1)
