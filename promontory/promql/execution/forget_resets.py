"""A stage between a subquery and the function above it that takes the reset hints off histograms.

A subquery may leave out the sample that was reset, or give one several times. So what a sample says of the one before
it in the series does not hold of its neighbours here, and resets are found by the buckets again.

Source: Prometheus 3.14, promql/engine.go, evalSubquery.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from promontory.model.histograms import ResetHint
from promontory.model.samples import Samples
from promontory.promql.execution.operator import Batch


@dataclass(frozen=True, slots=True)
class ForgetResetsStage:
    """Makes hints of a reset, or of none, unknown; gauges stay gauges."""

    def apply(self, batch: Batch) -> Batch:
        """Return the samples with histograms that say nothing of resets."""
        assert isinstance(batch, Samples)
        cells = batch.histograms
        if cells is None:
            return batch
        hint = np.where(cells.table.hint == ResetHint.GAUGE, cells.table.hint, np.uint8(ResetHint.UNKNOWN))
        return replace(batch, histograms=replace(cells, table=replace(cells.table, hint=hint)))

    def finish(self) -> None:
        """Nothing is left."""
