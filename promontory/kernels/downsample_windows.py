"""Runs of raw samples to batches, and batches to windows: what becomes a chunk, and what each sample of it stands for.

    run       samples of one series and one kind     |--------------------------------------------|
    batch     as many as make a chunk of about 140   |---------------|-----------------|----------|   ends with a window
    window    aligned to `width_ms`                  |--|--|--|--|--|--|--|--|--|--|--|--|--|--|--|

The samples of a window become one of each aggregate, at the window's last millisecond or at the batch's last sample,
whichever is first. The counter of a batch begins with its first sample, goes on at each window with what was added
since, however often it was reset, and ends with the last sample's own value at the last window's time.

Source: Thanos, pkg/compact/downsample/downsample.go (DownsampleRaw, downsampleBatch, targetChunkCount), known from its
behaviour. The least and greatest of a window without a finite number are what they are, where Thanos gives the greatest
finite number.
Format: docs/formats/downsampled.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import signed64
from promontory.kernels.compile import kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_TIME_MS = 2**63 - 1
# Windows of a chunk on the average, at most.
WINDOWS_OF_CHUNK = 140
# A chunk counts its samples in 16 bits, and a counter has two more than windows.
MOST_WINDOWS = 65_000


@kernel("int64(int64, int64)")
def end_window(time_ms: int, width_ms: int) -> int:
    """Return the last millisecond of the window that holds a time."""
    left_ms = width_ms - 1 - time_ms % width_ms
    return time_ms + left_ms if time_ms <= MOST_TIME_MS - left_ms else signed64(MOST_TIME_MS)


@kernel("int64(int64, int64, int64, int64, int64)")
def choose_chunk_count(first_ms: int, last_ms: int, from_ms: int, width_ms: int, count: int) -> int:
    """Return into how many chunks `count` samples, `from_ms` apart where none is missing, are to be downsampled."""
    span_ms = last_ms - first_ms
    fullness = 1.0
    if span_ms > 0:
        fullness = min(float(count) / (float(span_ms) / float(from_ms)), 1.0)
    expected = int(float(span_ms // width_ms) * fullness) + 1
    return expected // (WINDOWS_OF_CHUNK + 1) + 1


@kernel("int64(int64[::1], int64[::1], int64, int64, int64[::1])")
def cut_batches(run_start: Ints, times: Ints, from_ms: int, width_ms: int, batch_start: Ints) -> int:
    """Cut each run into batches that end with a window; write where each begins, and the end; return how many.

    run_start: int64[r + 1], runs of one sample at least · batch_start: int64[m + 1] is enough
    """
    batches = 0
    for run in range(len(run_start) - 1):
        begin, end = signed64(run_start[run]), signed64(run_start[run + 1])
        chunks = choose_chunk_count(times[begin], times[end - 1], from_ms, width_ms, end - begin)
        size = (end - begin) // chunks + 1
        while begin < end:
            batch_start[batches] = begin
            batches += 1
            first = begin
            begin = min(begin + size, end)
            ends_ms = end_window(times[begin - 1], width_ms)
            while begin < end and times[begin] <= ends_ms:
                begin += 1
            if begin - first > MOST_WINDOWS:
                begin = _after_windows(times, first, begin, width_ms)
    batch_start[batches] = run_start[len(run_start) - 1]
    return batches


@kernel("int64(int64[::1], int64, int64, int64)")
def _after_windows(times: Ints, begin: int, end: int, width_ms: int) -> int:
    """Return where the sample after the first MOST_WINDOWS windows is; `end` where there is none."""
    windows = 0
    ends_ms = signed64(0)
    for i in range(begin, end):
        if i == begin or times[i] > ends_ms:
            if windows == MOST_WINDOWS:
                return i
            windows += 1
            ends_ms = end_window(times[i], width_ms)
    return end


@kernel("int64(int64[::1], int64[::1], int64)")
def bound_windows(batch_start: Ints, times: Ints, width_ms: int) -> int:
    """Return how many windows the batches have at most."""
    most = signed64(0)
    for batch in range(len(batch_start) - 1):
        begin, end = signed64(batch_start[batch]), signed64(batch_start[batch + 1])
        if begin < end:
            most += min(end - begin, (times[end - 1] - times[begin]) // width_ms + 2)
    return most


@kernel(
    "void(int64[::1], int64[::1], float64[::1], int64, int64[::1], int64[::1], float64[::1], float64[::1],"
    " float64[::1], float64[::1], int64[::1], float64[::1])"
)
def fold_floats(
    batch_start: Ints, times: Ints, values: Floats, width_ms: int,
    window_start: Ints, window_ms: Ints, count: Floats, total: Floats, least: Floats, greatest: Floats,
    counter_ms: Ints, counter: Floats,
) -> None:  # fmt: skip
    """Write the aggregates of each batch's windows; a batch has a sample at least, none of them NaN.

    window_start: int64[b + 1] · window_ms int64, count, total, least and greatest float64: one a window ·
    counter_ms, counter: those of batch b begin at window_start[b] + 2 * b
    """
    window = signed64(0)
    for batch in range(len(batch_start) - 1):
        begin, end = signed64(batch_start[batch]), signed64(batch_start[batch + 1])
        window_start[batch] = window
        place = window + 2 * batch
        counter_ms[place] = times[begin]
        counter[place] = values[begin]
        place += 1
        last_ms = signed64(times[end - 1])
        grown = last = values[begin]
        i = begin
        while i < end:
            ends_ms = min(end_window(times[i], width_ms), last_ms)
            first = i
            value = low = high = values[i]
            if i > begin:
                grown += value if value < last else value - last
            last = value
            added = 0.0 + value  # a sum of minus zeros is zero
            i += 1
            while i < end and times[i] <= ends_ms:
                value = values[i]
                grown += value if value < last else value - last
                last = value
                added += value
                low = value if value < low else low
                high = value if value > high else high
                i += 1
            window_ms[window] = counter_ms[place] = ends_ms
            count[window] = float(i - first)
            total[window] = added
            least[window] = low
            greatest[window] = high
            counter[place] = grown
            window += 1
            place += 1
        counter_ms[place] = window_ms[window - 1]
        counter[place] = last
    window_start[len(batch_start) - 1] = window


@kernel("int64(float64[::1])")
def count_nans(values: Floats) -> int:
    """Return how many of the values are not a number, whichever."""
    count = 0
    for i in range(len(values)):
        count += values[i] != values[i]
    return count
