"""Numbers in the words of annotations and errors, as Go's %g prints them."""

from __future__ import annotations

import math
from decimal import Decimal


def format_general(value: float) -> str:
    """Return the shortest digits that give the value; an exponent below 1e-4 and from 1e6 on."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    point = len(digits) + exponent - 1
    if -4 <= point < 6:
        return format(Decimal(repr(value)).normalize(), "f")
    text = "".join(map(str, digits))
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{'-' * sign}{mantissa}e{'-' if point < 0 else '+'}{abs(point):02d}"
