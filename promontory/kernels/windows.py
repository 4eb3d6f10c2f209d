"""One walk of the time windows of a series, and the kernels made from it.

A window ends at `first_ms + j * step_ms` and reaches `range_ms` back. It is open on the left and closed on the
right: it holds the samples low[j] .. high[j] with `end - range < timestamp <= end`.

    timestamps   . . . . . . . . . . . . . . .
    window j         (low[j] ........ high[j])

The walk is one function; `window_kernel` compiles it together with a row function that turns the windows of one
row into values. Row functions stand in rates.py, over_time.py and trends.py and share one signature (`ROW`):

    timestamps, values    all samples; low and high are indexes into them
    start, end            the row's samples
    low, high             int64[k]
    first_ms, step_ms, range_ms
    at_ms                 int64[k], the evaluation times: window ends before offset and @
    parameter             float64[k], the scalar argument at each time, or empty
    places, ordered       int64[m + ROOM], float64[m + ROOM] scratch, m = samples of the longest row
    out, present          float64[k], bool[k]; present is False on entry
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import Kernel, kernel
from promontory.kernels.memory import wrap64

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]
RowFunction = Kernel[
    [Longs, Floats, int, int, Longs, Longs, int, int, int, Longs, Floats, Longs, Floats, Floats, Flags], None
]
WindowKernel = Kernel[
    [Longs, Longs, Floats, int, int, int, int, Longs, Floats, NDArray[np.uint8], Longs, Longs, Floats,
     NDArray[np.float64], NDArray[np.bool_]],
    int,
]  # fmt: skip

# The value that ends a series; the model knows it as STALE_NAN_BITS.
STALE_BITS = 0x7FF0000000000002

# So many samples around a guess are looked at one by one, those further away by leaps.
NEAR = 8
# What row functions need of scratch beside a place a sample.
ROOM = 2048
# Samples that windows hold together, each counted in every window it is in, between two looks at `stop`: a tenth of
# a second of sums. One row can hold a subquery of millions of samples and thousands of windows over all of them.
BLOCK_VISITS = 32 << 20

ROW = (
    "void(int64[::1], float64[::1], int64, int64, int64[::1], int64[::1], int64, int64, int64,"
    " int64[::1], float64[::1], int64[::1], float64[::1], float64[::1], boolean[::1])"
)
_WALK = (
    "int64(int64[::1], int64[::1], float64[::1], int64, int64, int64, int64, int64[::1], float64[::1], uint8[::1],"
    " int64[::1], int64[::1], float64[::1], float64[:, ::1], boolean[:, ::1])"
)


@kernel("void(int64[::1], int64, int64, int64, int64, int64[::1])")
def find_ends(timestamps: Longs, start: int, end: int, first_ms: int, step_ms: int, out: Longs) -> None:
    """Write for each time `first_ms + j * step_ms` the index of the row's first sample after it.

    Each step begins where the last one would predict, so an evenly scraped series costs two comparisons a time.
    """
    row = timestamps[start:end]
    size = len(row)
    position = 0
    stride = 0
    time_ms = first_ms
    for j in range(len(out)):
        guess = position + stride
        # Unsigned indexes: with signed ones, whether they count from the end is asked at each of them.
        even = guess > position and guess < size and row[wrap64(guess - 1)] <= time_ms and row[wrap64(guess)] > time_ms
        if not even:
            guess = min(guess, size)
            nearest, farthest = max(guess - NEAR, position), min(guess + NEAR, size)
            while guess > nearest and row[wrap64(guess - 1)] > time_ms:
                guess -= 1
            while guess < farthest and row[wrap64(guess)] <= time_ms:
                guess += 1
            if guess in (nearest, farthest):
                guess = find_after(row, position, guess, time_ms)
            stride = guess - position
        position = guess
        out[j] = start + position
        time_ms += step_ms


@kernel("int64(int64[::1], int64, int64, int64)")
def find_after(row: Longs, first: int, guess: int, time_ms: int) -> int:
    """Return the index of the first sample after a time, `first` or later, near the guess or wherever it is.

    first <= guess <= len(row)
    """
    leap = 1
    if guess > first and row[wrap64(guess - 1)] > time_ms:
        high = guess - 1
        while high - leap >= first and row[wrap64(high - leap)] > time_ms:
            high -= leap
            leap *= 2
        low = max(high - leap, first)
    else:
        low = guess
        while low + leap <= len(row) and row[wrap64(low + leap - 1)] <= time_ms:
            low += leap
            leap *= 2
        high = min(low + leap - 1, len(row))
    while low < high:
        middle = (low + high) // 2
        if row[wrap64(middle)] <= time_ms:
            low = middle + 1
        else:
            high = middle
    return low


@kernel("int64(uint64[::1])")
def count_stale(bits: NDArray[np.uint64]) -> int:
    """Return how many of the values are the stale marker."""
    # A bare literal is signed, and numba compares signed with unsigned as floats: Inf would look stale.
    stale = wrap64(STALE_BITS)
    count = 0
    for i in range(len(bits)):
        count += bits[i] == stale
    return count


@kernel("int64(int64[::1], int64[::1])")
def block_width(low: Longs, high: Longs) -> int:
    """Return how many windows to evaluate between two looks at `stop`: all, unless they hold very many samples."""
    visits = 0
    for j in range(len(low)):
        visits += high[j] - low[j]
    return len(low) // (visits // BLOCK_VISITS + 1) + 1


@kernel(ROW)
def _no_row(
    timestamps: Longs, values: Floats, start: int, end: int, low: Longs, high: Longs,
    first_ms: int, step_ms: int, range_ms: int, at_ms: Longs, parameter: Floats,
    places: Longs, ordered: Floats, out: Floats, present: Flags,
) -> None:  # fmt: skip
    """Stand for the row function in the walk."""


def _walk(
    row_start: Longs, timestamps: Longs, values: Floats,
    first_ms: int, step_ms: int, range_ms: int, shift: int, at_ms: Longs, parameter: Floats,
    stop: NDArray[np.uint8], ends: Longs, places: Longs, ordered: Floats,
    out: Floats, present: Flags,
) -> int:  # fmt: skip
    """Evaluate each row; return how many rows were done before `stop` was set. A row may be cut into blocks of windows.

    `shift` >= 0 says that range_ms is shift * step_ms: then one pass finds both sides, low[j] being high[j - shift],
    and `ends` is int64[k + shift]. Otherwise `shift` is -1 and `ends` int64[2 k].
    """
    count = out.shape[1]
    for row in range(len(row_start) - 1):
        if stop[0] != 0:
            return row
        start = row_start[row]
        end = row_start[row + 1]
        if start == end:
            continue
        low = ends[:count]
        if shift >= 0:
            high = ends[shift:]
            find_ends(timestamps, start, end, first_ms - range_ms, step_ms, ends)
        else:
            high = ends[count:]
            find_ends(timestamps, start, end, first_ms - range_ms, step_ms, low)
            find_ends(timestamps, start, end, first_ms, step_ms, high)
        width = block_width(low, high)
        for first in range(0, count, width):
            if stop[0] != 0:
                return row
            last = min(first + width, count)
            _no_row(
                timestamps, values, start, end, low[first:last], high[first:last], first_ms + first * step_ms,
                step_ms, range_ms, at_ms[first:last], parameter[first:last], places, ordered,
                out[row, first:last], present[row, first:last],
            )  # fmt: skip
    return len(row_start) - 1


def window_kernel(row_function: RowFunction) -> WindowKernel:
    """Return the walk with `row_function` evaluating each row.

    The names of the compiled functions differ, because numba's cache files are named after them.
    """
    name = f"walk_{row_function.__name__}"  # type: ignore[attr-defined]
    scope = {**globals(), "_no_row": row_function}
    walk = types.FunctionType(_walk.__code__, scope, name)
    walk.__qualname__ = name
    walk.__module__ = __name__
    walk.__doc__ = _walk.__doc__
    return cast("WindowKernel", kernel(_WALK)(cast("Callable[..., int]", walk)))
