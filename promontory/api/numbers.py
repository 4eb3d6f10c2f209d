"""The text of a scalar: Go's strconv.FormatFloat(x, 'f', -1, 64), shortest digits and never an exponent.

Samples are written by promontory/kernels/json.py, which knows exponents.
"""

from __future__ import annotations

import math
from decimal import Decimal


def format_scalar(value: float) -> str:
    """Return the text of a scalar."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = f"{Decimal(repr(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
