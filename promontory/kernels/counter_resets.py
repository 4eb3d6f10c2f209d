"""Counter resets of a row, and what they add to the increase of its windows.

A reset is a sample below the one before it. The increase of a window is its last value less its first one, and then,
in this order, the value before each reset after the first sample:

    values     3  7  2  5  1          places  2  4  (of the samples that fell)
    falls            7     5          the values before them

Sums of floats depend on the order, so a window walks through its falls, four windows side by side. Whole numbers whose
sums stay below 2^53 add up to the same digits in any order: then a window is a difference of two sums from the row's
first fall on, however many falls it holds.

Source: Prometheus 3.14, promql/functions.go, extrapolatedRate.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

# Whole numbers up to this are floats, each of them.
EXACT = 9007199254740992.0
# So few resets are walked through sooner than looked at.
FEW = 16


@kernel("int64(float64[::1], int64, int64, int64[::1])")
def find_resets(values: Floats, start: int, end: int, places: Longs) -> int:
    """Write the indexes i with values[i] < values[i - 1]; return how many there are.

    Slices make the indexes plainly non-negative, so that counting a stretch without resets is vector code.
    """
    count = 0
    for base in range(start + 1, end, 256):
        now = values[base : min(base + 256, end)]
        before = values[base - 1 : min(base + 256, end) - 1]
        falls = 0
        for i in range(len(now)):
            falls += now[i] < before[i]
        if falls == 0:
            continue
        # Written over where it is none: nobody can foretell the falls of a gauge, least of all a branch.
        for i in range(len(now)):
            places[wrap64(count)] = base + i
            count += now[i] < before[i]
    return count


@kernel("boolean(float64[::1], int64, int64, float64)")
def are_whole(values: Floats, start: int, end: int, most: float) -> bool:
    """Say whether values[start:end] are whole numbers from -most to most, and none is minus zero."""
    for base in range(start, end, 256):
        part = values[base : min(base + 256, end)]
        others = 0
        for i in range(len(part)):
            value = part[i]
            whole = (np.floor(value) == value) & (abs(value) <= most)
            others += not (whole & ((value != 0.0) | (math.copysign(1.0, value) > 0.0)))
        if others:
            return False
    return True


@kernel("int64(float64[::1], int64, int64, int64[::1], int64, float64[::1])")
def gather_falls(values: Floats, start: int, end: int, places: Longs, count: int, falls: Floats) -> int:
    """Write the values before the row's `count` resets; or their sums, and return 1, where these are exact.

    falls: float64[count + 1]; falls[i] is the value before reset i, or the sum of those before the resets 0 .. i - 1
    """
    exact = count > FEW and are_whole(values, start, end, np.floor(EXACT / (count + 2.0)))
    total = 0.0
    for i in range(count):
        fall = values[places[i] - 1]
        falls[i] = total if exact else fall
        total += fall
    falls[count] = total
    return int(exact)


@kernel("int64(int64[::1], int64, int64, int64[::1], int64[::1], int64[::1], int64[::1])")
def bound_falls(places: Longs, count: int, first: int, low: Longs, high: Longs, below: Longs, upto: Longs) -> int:
    """Write which resets [below, upto) each window has after its first sample; return below of the last window.

    `first` is what the windows before these returned, 0 for the first ones.
    """
    begin = first
    end = first
    for j in range(len(low)):
        while begin < count and places[begin] <= low[j]:
            begin += 1
        end = max(end, begin)
        while end < count and places[end] < high[j]:
            end += 1
        below[j] = begin
        upto[j] = end
    return begin


@kernel("void(int64, float64[::1], int64[::1], int64[::1], float64[::1])")
def add_falls(exact: int, falls: Floats, below: Longs, upto: Longs, increase: Floats) -> None:
    """Add to the increase of each window the falls [below, upto); `exact` and `falls` are of `gather_falls`."""
    if exact:
        for j in range(len(increase)):
            increase[j] += falls[upto[j]] - falls[below[j]]
        return
    together = len(increase) - len(increase) % 4
    for j in range(0, together, 4):
        _add_four(falls, below[j : j + 4], upto[j : j + 4], increase[j : j + 4])
    for j in range(together, len(increase)):
        total = increase[j]
        for i in range(below[j], upto[j]):
            total += falls[i]
        increase[j] = total


@kernel("void(float64[::1], int64[::1], int64[::1], float64[::1])")
def _add_four(falls: Floats, below: Longs, upto: Longs, increase: Floats) -> None:
    """Add the falls of four windows at once: one addition waits for the one before it, four do not for each other."""
    shared = upto[0] - below[0]
    for lane in range(1, 4):
        shared = min(shared, upto[lane] - below[lane])
    one, two, three, four = increase[0], increase[1], increase[2], increase[3]
    for i in range(shared):
        one += falls[wrap64(below[0] + i)]
        two += falls[wrap64(below[1] + i)]
        three += falls[wrap64(below[2] + i)]
        four += falls[wrap64(below[3] + i)]
    increase[0], increase[1], increase[2], increase[3] = one, two, three, four
    for lane in range(4):
        total = increase[lane]
        for i in range(below[lane] + shared, upto[lane]):
            total += falls[i]
        increase[lane] = total
