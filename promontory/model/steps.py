"""Steps: an instant vector over a whole time grid. A cell is a float or a native histogram.

NaN is a value and never means "absent": presence is its own mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.model.histograms import HistogramCells
from promontory.model.label_rows import LabelRows


@dataclass(frozen=True, slots=True)
class Steps:
    """n series at k evaluation times.

    labels LabelRows of n · values float64[n, k] · present bool[n, k] ·
    drop_name bool[n]: the metric name goes before the answer is shown (delayed name removal) ·
    order int64[n] or None: the rows in the order of an instant answer that sort() or topk() made ·
    histograms HistogramCells over [n, k], None where all cells are floats
    """

    labels: LabelRows
    values: NDArray[np.float64]
    present: NDArray[np.bool_]
    drop_name: NDArray[np.bool_]
    order: NDArray[np.int64] | None = None
    histograms: HistogramCells | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def floats(self) -> NDArray[np.bool_]:
        """bool[n, k]: where a float is present."""
        return self.present if self.histograms is None else self.present & ~self.histograms.held

    @property
    def held(self) -> NDArray[np.bool_]:
        """bool[n, k]: where a histogram is present."""
        return np.zeros_like(self.present) if self.histograms is None else self.present & self.histograms.held
