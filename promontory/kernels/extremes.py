"""The greatest or smallest value of each window, at a cost of O(1) a sample however far windows overlap.

The first and last samples of all windows cut a row into segments, which are inside of a window or outside as a whole:

    samples     . . . . . . . . . . . . . . .
    windows         [ . . . . . . )
                          [ . . . . . . . . )
    segments        |     |       |         |

Of each segment the extreme is found once. A queue holds the segments that can still become the answer of a window, each
with less than the one before it; a window's answer is the head of the queue.

NaN is replaced by any number, and is the answer where there is none. Of values that are equal the first counts, which
only zeros tell.

Source: Prometheus 3.14, promql/functions.go, compareOverTime.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]

# So many comparisons at once: none has to wait for the one before it.
LANES = 8


@kernel("float64(float64, float64[::1], int64, int64)")
def find_extreme(sign: float, values: Floats, low: int, high: int) -> float:
    """Return the greatest sign * value of values[low:high]; NaN where there are no numbers."""
    most = -math.inf
    first = low
    if high - low >= LANES:
        first = high - (high - low) % LANES
        most = many_extreme(sign, values[low:first])
    for i in range(first, high):
        most = max_of(sign * values[wrap64(i)], most)
    return first_equal(sign, most, values[low:high]) if most == 0.0 or most == -math.inf else most


@kernel("float64(float64, float64, float64[::1])")
def first_equal(sign: float, most: float, part: Floats) -> float:
    """Return the first sign * value that equals `most`, NaN where none does.

    Zeros have signs, and the infinity that a search begins with may be no sample's.
    """
    for value in part:
        if sign * value == most:
            return float(sign * value)
    return math.nan


@kernel("float64(float64, float64[::1])")
def many_extreme(sign: float, part: Floats) -> float:
    """Return the greatest sign * value of numbers that are so many times LANES, -Inf where there are none."""
    one = two = three = four = five = six = seven = eight = -math.inf
    for i in range(0, len(part), LANES):
        # In this way round NaN is never taken.
        one = max_of(sign * part[wrap64(i)], one)
        two = max_of(sign * part[wrap64(i + 1)], two)
        three = max_of(sign * part[wrap64(i + 2)], three)
        four = max_of(sign * part[wrap64(i + 3)], four)
        five = max_of(sign * part[wrap64(i + 4)], five)
        six = max_of(sign * part[wrap64(i + 5)], six)
        seven = max_of(sign * part[wrap64(i + 6)], seven)
        eight = max_of(sign * part[wrap64(i + 7)], eight)
    one, two, three, four = max_of(five, one), max_of(six, two), max_of(seven, three), max_of(eight, four)
    return max_of(max_of(four, three), max_of(two, one))


@kernel("float64(float64, float64)")
def max_of(value: float, most: float) -> float:
    """Return `value` where it is greater, else `most`: one instruction, and NaN is never greater."""
    return value if value > most else most


@kernel(
    "void(float64, float64[::1], int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], boolean[::1])"
)  # fmt: skip
def slide_extremes(
    sign: float, values: Floats, low: Longs, high: Longs, queue: Longs, queued: Floats, out: Floats, present: Flags
) -> None:  # fmt: skip
    """Evaluate the value of each window at which sign * value is greatest.

    queue, queued: scratch, room for all samples: where the segments in the queue begin, and sign * their extremes
    """
    head = 0
    tail = 0
    taken = 0
    border = 0
    for j in range(len(out)):
        if high[j] <= low[j]:
            continue
        taken = max(taken, low[j])
        while taken < high[j]:
            while border < len(low) and low[border] <= taken:
                border += 1
            segment_end = high[j] if border == len(low) else min(high[j], low[border])
            value = find_extreme(sign, values, taken, segment_end)
            if not math.isnan(value):
                while tail > head and queued[wrap64(tail - 1)] < value:
                    tail -= 1
                queue[wrap64(tail)] = taken
                queued[wrap64(tail)] = value
                tail += 1
            taken = segment_end
        while head < tail and queue[wrap64(head)] < low[j]:
            head += 1
        out[j] = sign * queued[wrap64(head)] if head < tail else math.nan
        present[j] = True
