"""Correction: that the counts of classic histograms fell from one bucket to the next, and what was done about it.

All corrections of one metric in a query are told as one, at the place of the first.

Source: Prometheus 3.14, util/annotations/annotations.go (histogramQuantileForcedMonotonicityErr).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from promontory.model.rfc3339 import format_rfc3339_ms
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.values import Floats
from promontory.promql.execution.wording import format_general


@dataclass(frozen=True, slots=True)
class Correction:
    """How many histograms were corrected, from when to when, between which bounds, and by how much at most."""

    count: int
    first_ms: int
    last_ms: int
    lowest: float
    highest: float
    most: float

    def joined(self, other: Correction) -> Correction:
        """Return both as one."""
        return Correction(
            self.count + other.count,
            min(self.first_ms, other.first_ms),
            max(self.last_ms, other.last_ms),
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            max(self.most, other.most),
        )

    def text(self) -> str:
        """Return what follows the words of the annotation."""
        return (
            f", from buckets {format_general(self.lowest)} to {format_general(self.highest)}, with a max diff of"
            f" {self.most:.2g}, over {self.count} samples from {_second(self.first_ms)} to {_second(self.last_ms)}"
        )


def summed_correction(grid: TimeGrid, corrected: Floats) -> Correction | None:
    """Return the correction of what kernels/quantiles.py noted for each time (float64[k, 4]), if there is any."""
    places = np.flatnonzero(corrected[:, 0])
    if not len(places):
        return None
    times_ms, found = grid.times_ms()[places], corrected[places]
    return Correction(
        int(found[:, 0].sum()), int(times_ms[0]), int(times_ms[-1]),
        float(found[:, 1].min()), float(found[:, 2].max()), float(found[:, 3].max()),
    )  # fmt: skip


def _second(time_ms: int) -> str:
    """Return a time in whole seconds, cut towards 1970; not by way of datetime, which ends at the year 9999."""
    cut_ms = time_ms - time_ms % 1000 if time_ms >= 0 else time_ms + -time_ms % 1000
    return format_rfc3339_ms(cut_ms)[:-5] + "Z"
