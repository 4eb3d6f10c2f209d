"""Compensated addition: a sum and the digits it lost.

Source: Neumaier 1974; Prometheus 3.14, util/kahansum: the compensation is forgotten when the sum overflows.
"""

from __future__ import annotations

import math

from promontory.kernels.compile import kernel


@kernel("UniTuple(float64, 2)(float64, float64, float64)")
def add_compensated(term: float, total: float, lost: float) -> tuple[float, float]:
    """Return the new (total, lost); the sum is total + lost."""
    raised = total + term
    if math.isinf(raised):
        return raised, 0.0
    if abs(total) >= abs(term):
        return raised, lost + ((total - raised) + term)
    return raised, lost + ((term - raised) + total)
