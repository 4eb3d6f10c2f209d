"""Samples: decoded, trimmed to the wanted range, replicas merged; the input of the query engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.model.label_rows import LabelRows

# Prometheus' stale marker: the one NaN that means "the series ended here".
STALE_NAN_BITS = 0x7FF0000000000002


@dataclass(frozen=True, slots=True)
class Samples:
    """n series with m samples in all.

    labels LabelRows of n · row_start int64[n + 1] · timestamps_ms int64[m], rising within a row · values float64[m]
    """

    labels: LabelRows
    row_start: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.row_start) - 1

    @property
    def resident_bytes(self) -> int:
        """Bytes of the sample columns."""
        return self.row_start.nbytes + self.timestamps_ms.nbytes + self.values.nbytes
