"""The quantile of each window, of a sorted copy that slides along with the windows.

    ordered     the numbers of the present window, rising; NaN are only counted, they sort before all numbers

What left the window is exchanged for what came, each by two binary searches and a move of what lies between. Where most
of a window is new it is sorted anew. Which of a window's zeros comes first, one with a sign or one without, is left to
sorting, here as in Prometheus; numpy's even makes one of the other.

Source: Prometheus 3.14, promql/functions.go, funcQuantileOverTime; promql/quantile.go.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64
from promontory.kernels.quantiles import interpolate_numbers

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Numbers that are moved in about the time in which one is found or sorted.
MOVED = 512


@kernel("int64(float64, float64[::1], int64)")
def find_place(value: float, ordered: Floats, size: int) -> int:
    """Return the place of the first of ordered[:size] that is not below the value."""
    place = 0
    left = size
    while left > 1:
        half = left // 2
        # A sum and no branch, which would be wrong every other time.
        place += half * (ordered[wrap64(place + half - 1)] < value)
        left -= half
    return place + (left == 1 and ordered[wrap64(place)] < value)


@kernel("int64(float64, float64[::1], int64)")
def find_value(value: float, ordered: Floats, size: int) -> int:
    """Return the place of a value that is there; of a zero with the same sign, unless sorting left none."""
    first = find_place(value, ordered, size)
    if value != 0.0:
        return first
    for place in range(first, size):
        if ordered[place] != 0.0:
            break
        if math.copysign(1.0, ordered[place]) == math.copysign(1.0, value):
            return place
    return first


@kernel("void(float64, float64, float64[::1], int64)")
def replace_value(old: float, new: float, ordered: Floats, size: int) -> None:
    """Put `new` into ordered[:size] in exchange for `old`, moving what lies between them."""
    source = find_value(old, ordered, size)
    target = find_place(new, ordered, size)
    if target > source:
        target -= 1
        for i in range(source, target):
            ordered[wrap64(i)] = ordered[wrap64(i + 1)]
    else:
        for i in range(source, target, -1):
            ordered[wrap64(i)] = ordered[wrap64(i - 1)]
    ordered[target] = new


@kernel("int64(float64[::1], int64, int64, float64[::1])")
def sort_numbers(values: Floats, low: int, high: int, ordered: Floats) -> int:
    """Write the numbers of values[low:high] to `ordered`, rising; return how many there are."""
    size = 0
    for i in range(low, high):
        if not math.isnan(values[i]):
            ordered[size] = values[i]
            size += 1
    ordered[:size].sort()
    return size


@kernel("int64(float64[::1], int64, int64, int64, int64, float64[::1], int64)")
def move_window(values: Floats, gone: int, kept: int, fresh: int, end: int, ordered: Floats, size: int) -> int:
    """Take values[gone:kept] out and put values[fresh:end] in; return the new size. +Inf stands where none goes in."""
    while True:
        while gone < kept and math.isnan(values[gone]):
            gone += 1
        while fresh < end and math.isnan(values[fresh]):
            fresh += 1
        if gone == kept and fresh == end:
            return size
        if gone == kept:
            ordered[size] = math.inf
            size += 1
        replace_value(
            values[gone] if gone < kept else math.inf, values[fresh] if fresh < end else math.inf, ordered, size
        )  # fmt: skip
        if fresh == end:
            size -= 1
        gone = min(gone + 1, kept)
        fresh = min(fresh + 1, end)


@kernel("void(float64[::1], int64[::1], int64[::1], float64[::1], float64[::1], float64[::1], boolean[::1])")
def slide_quantiles(
    values: Floats, low: Longs, high: Longs, quantile: Floats, ordered: Floats, out: Floats, present: Flags
) -> None:  # fmt: skip
    """Evaluate quantile[j] of each window; ordered: scratch, room for all samples of a window and one more."""
    begin = 0
    end = 0
    size = 0
    for j in range(len(out)):
        held = high[j] - low[j]
        if held <= 0:
            continue
        changes = (low[j] - begin) + (high[j] - end)
        if low[j] >= end or changes * (held // MOVED + 2) > 2 * held:
            size = sort_numbers(values, low[j], high[j], ordered)
        else:
            size = move_window(values, begin, low[j], end, high[j], ordered, size)
        begin = low[j]
        end = high[j]
        out[j] = interpolate_numbers(quantile[j], ordered, size, held - size)
        present[j] = True
