"""Quantiles of groups of series, at each time, without sorting them.

    values [n, k] -- a block of times of a group's rows --> numbers [width, rows] -- selection --> out [g, k]

A block of times is copied first, so that each row is read a cache line at a time. Of a time's numbers only the two on
either side of the rank are found: split at a pivot, go on in the part that has the rank. Pivots are drawn by a
generator, so no order of values makes it slow; what is found does not depend on them.

Source: C. A. R. Hoare, Algorithm 65: Find (1961); the rank as in promontory.kernels.quantiles.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.quantiles import quantile_beyond

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]

# So few numbers are put in order by insertion.
FEW = 12


@kernel("float64(float64[::1], int64, int64)")
def choose_pivot(numbers: Floats, count: int, seed: int) -> float:
    """Return the middle one of three numbers taken by chance; seed: below 2^31."""
    first = numbers[seed % count]
    second = numbers[(seed >> 7) % count]
    third = numbers[(seed >> 14) % count]
    pivot: float = max(min(first, second), min(max(first, second), third))
    return pivot


@kernel("void(float64[::1], int64, int64, float64[::1], float64[::1])")
def select_neighbours(numbers: Floats, count: int, place: int, spare: Floats, found: Floats) -> None:
    """Set found[0] and found[1] to the numbers at `place` and after it, were numbers[:count] in rising order.

    None is NaN; 0 <= place < count; after the last one stands the last one itself. numbers and spare, of at least
    `count` places, are overwritten.
    """
    seed = 1
    following = math.inf
    is_last = True
    while count > FEW:
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        pivot = choose_pivot(numbers, count, seed)
        below = 0
        beyond = 0
        for i in range(count):
            number = numbers[i]
            numbers[below] = number
            spare[beyond] = number
            is_below = number < pivot
            below += is_below
            beyond += not is_below
        if place < below:
            if place == below - 1:
                is_last = False
                following = spare[0]
                for i in range(1, beyond):
                    following = min(following, spare[i])
            count = below
            continue
        if below == 0:
            # The pivot is the least number: all that equal it go, and the rest is what to look in.
            for i in range(count):
                number = spare[i]
                numbers[below] = number
                below += number > pivot
            equal = count - below
            if place < equal:
                found[0] = pivot
                found[1] = pivot
                if place == equal - 1:
                    for i in range(below):
                        found[1] = numbers[i] if i == 0 else min(found[1], numbers[i])
                    if below == 0 and not is_last:
                        found[1] = following
                return
            place -= equal
            count = below
            continue
        place -= below
        count = beyond
        numbers, spare = spare, numbers
    sort_few(numbers, count)
    found[0] = numbers[place]
    found[1] = numbers[place]
    if place + 1 < count:
        found[1] = numbers[place + 1]
    elif not is_last:
        found[1] = following


@kernel("void(float64[::1], int64)")
def sort_few(numbers: Floats, count: int) -> None:
    """Put numbers[:count] in rising order."""
    for i in range(1, count):
        number = numbers[i]
        place = i
        while place > 0 and numbers[place - 1] > number:
            numbers[place] = numbers[place - 1]
            place -= 1
        numbers[place] = number


@kernel("float64(float64, float64[::1], int64, int64, float64[::1], float64[::1])")
def select_quantile(
    quantile: float, numbers: Floats, count: int, not_numbers: int, spare: Floats, found: Floats
) -> float:
    """Return the quantile of numbers[:count] and so many NaN, which come before all numbers; one at least."""
    if not 0.0 <= quantile <= 1.0:
        return quantile_beyond(quantile)
    rank = quantile * (not_numbers + count - 1)
    below = int(rank)
    weight = rank - below
    if below < not_numbers:
        return math.nan
    select_neighbours(numbers, count, below - not_numbers, spare, found)
    value: float = found[0] * (1.0 - weight) + found[1] * weight
    return value


@kernel(
    "int64(float64[:, ::1], boolean[:, ::1], int64[::1], int64[::1], float64[::1], int64, int64, uint8[::1],"
    " float64[:, ::1], float64[::1], int64[:, ::1], float64[:, ::1], boolean[:, ::1])"
)
def group_quantiles(
    values: Floats, present: Flags, rows: Longs, group_start: Longs, quantile: Floats, first: int, last: int,
    stop: NDArray[np.uint8], numbers: Floats, spare: Floats, counts: Longs, out: Floats, out_present: Flags,
) -> int:  # fmt: skip
    """Evaluate quantile[j] of each group's values at each time of [first, last); return the time done up to.

    values, present: [n, k] · rows: int64[n], rows by group · group_start: int64[g + 1] into `rows` ·
    numbers: float64[width, rows of the largest group], spare as one row of it, counts: int64[2, width]: scratch for
    `width` times together · out, out_present: [g, k], False on entry
    """
    found = spare[len(spare) - 2 :]
    for start in range(first, last, numbers.shape[0]):
        width = min(numbers.shape[0], last - start)
        for group in range(len(group_start) - 1):
            if stop[0] != 0:
                return start
            counts[:] = 0
            for at in range(group_start[group], group_start[group + 1]):
                row = rows[at]
                for lane in range(width):
                    value = values[row, start + lane]
                    there = present[row, start + lane]
                    is_number = value == value
                    numbers[lane, counts[0, lane]] = value
                    counts[0, lane] += there & is_number
                    counts[1, lane] += there & (not is_number)
            for lane in range(width):
                if counts[0, lane] + counts[1, lane]:
                    out[group, start + lane] = select_quantile(
                        quantile[start + lane], numbers[lane], counts[0, lane], counts[1, lane], spare, found
                    )
                    out_present[group, start + lane] = True
    return last
