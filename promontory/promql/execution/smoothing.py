"""The factors of double_exponential_smoothing: each must lie between 0 and 1 wherever there is anything to smooth."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError


def refuse_factors(factors: NDArray[np.float64], present: NDArray[np.bool_]) -> None:
    """Raise ExecutionError for a factor out of bounds at a time at which a row is present.

    factors: float64[2 k], the smoothing factor of each time, then the trend factors · present: bool[n, k]
    """
    by_name = factors.reshape(2, -1)
    wrong = ((by_name <= 0) | (by_name >= 1)) & present.any(axis=0)
    if not wrong.any():
        return
    time = int(wrong.any(axis=0).argmax())
    place = int(wrong[:, time].argmax())
    found = float(by_name[place, time])
    shown = f"{found:f}" if math.isfinite(found) else f"{found:+}".title()
    name, short = ("smoothing", "sf") if place == 0 else ("trend", "tf")
    raise ExecutionError(f"invalid {name} factor. Expected: 0 < {short} < 1, got: {shown}")
