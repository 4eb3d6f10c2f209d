"""Go's texts of float64: shortest digits, in the two layouts that Prometheus' API uses.

    samples   plain digits for 1e-6 <= |x| < 1e21 and 0, else d.ddde±dd      (jsonutil.MarshalFloat)
    scalars   plain digits always                                           (strconv.FormatFloat 'f', -1)

Python's `repr` finds the same shortest digits; only their layout differs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.json import SLOW, split_decimals

# Between these, Arrow's shortest text has the layout of ours (measured on Arrow 26, which goes to exponents at 1e10).
ARROW_SMALLEST = 1e-5
ARROW_LARGEST = 1e10


def format_sample(value: float) -> str:
    """Return the text of a sample."""
    size = abs(value)
    if size != 0 and not (1e-6 <= size < 1e21) and size < float("inf"):
        return _format(value, _with_exponent)
    return format_scalar(value)


def format_scalar(value: float) -> str:
    """Return the text of a scalar: never an exponent."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return _format(value, _plain)


def split_values(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.uint8], NDArray[np.int64]]:
    """Return mantissa int64[m], decimals int8[m], and blob and start int64[slow + 1] of the texts of SLOW values."""
    mantissa = np.empty(len(values), np.int64)
    decimals = np.empty(len(values), np.int8)
    slow = split_decimals(values, mantissa, decimals)
    if slow == 0:
        return mantissa, decimals, np.empty(0, np.uint8), np.zeros(1, np.int64)
    blob, start = _slow_texts(values[decimals == SLOW])
    return mantissa, decimals, blob, start


def _slow_texts(values: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    import pyarrow as pa
    import pyarrow.compute

    size = np.abs(values)
    odd = np.flatnonzero(~((size >= ARROW_SMALLEST) & (size < ARROW_LARGEST)))
    texts = pa.array(values).cast(pa.large_string())
    if len(odd):
        replaced = np.zeros(len(values), bool)
        replaced[odd] = True
        ours = pa.array([format_sample(float(value)) for value in values[odd]], pa.large_string())
        texts = pa.compute.replace_with_mask(texts, pa.array(replaced), ours)
    _, offsets, data = texts.buffers()
    start = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(values) + 1].copy()
    return np.frombuffer(data, np.uint8), start


def _format(value: float, layout: Callable[[str, int], str]) -> str:
    text = repr(value)
    sign = "-" if text.startswith("-") else ""
    number, _, exponent = text.removeprefix("-").partition("e")
    whole, _, fraction = number.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0")
    return sign + (layout(stripped, point) if stripped else "0")


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return digits[:point] + "." + digits[point:]


def _with_exponent(digits: str, point: int) -> str:
    exponent = point - 1
    fraction = "." + digits[1:] if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"
