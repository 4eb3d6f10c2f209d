"""The stage below info(): when info series were sampled, and which samples are histograms, for these are refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.run import Run
from promontory.promql.execution.windows import LookupStage
from promontory.promql.plan.nodes import Read


@dataclass(frozen=True, slots=True)
class InfoTimesStage:
    """The time of the newest sample within the lookback, in seconds, together with the histogram where it is one."""

    run: Run
    grid: TimeGrid
    read: Read

    def apply(self, batch: Batch) -> Batch:
        """Return a vector of the samples' series."""
        assert isinstance(batch, Samples)
        times = LookupStage(self.run, self.grid, self.read.timing, self.read.range_ms, times=True).apply(batch)
        if batch.histograms is None:
            return times
        values = LookupStage(self.run, self.grid, self.read.timing, self.read.range_ms).apply(batch)
        assert isinstance(times, Steps)
        assert isinstance(values, Steps)
        return replace(times, histograms=values.histograms)

    def finish(self) -> None:
        """Nothing is left."""
