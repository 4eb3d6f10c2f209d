"""The stage below a range function over a subquery: values on the inner grid become samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.operator import Batch


@dataclass(frozen=True, slots=True)
class ResampleStage:
    """Each present value is a sample at its time on the grid."""

    grid: TimeGrid

    def apply(self, batch: Batch) -> Batch:
        """Return the values as samples."""
        assert isinstance(batch, Steps)
        counts = np.count_nonzero(batch.present, axis=1)
        times = np.broadcast_to(self.grid.times_ms(), batch.present.shape)
        return Samples(
            labels=batch.labels,
            row_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            timestamps_ms=times[batch.present],
            values=batch.values[batch.present],
            histograms=batch.histograms.at(batch.present) if batch.histograms is not None else None,
            drop_name=batch.drop_name if batch.drop_name.any() else None,
        )

    def finish(self) -> None:
        """Nothing is left."""
