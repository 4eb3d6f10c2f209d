"""Aggregates to coarser aggregates: batches of whole chunks, and the samples of one aggregate to windows.

    chunks of a run     |----|----|----|----|----|----|----|
    batches             |--------------|--------------|----|     along the borders of chunks, where counters are true

Counts and sums are added up, the least and the greatest of a window are chosen. A counter is followed over the chunks
of its batch as a reader follows it (kernels/downsampled.py), downsampled like a raw one, and ends with the true last
value again.

Source: Thanos, pkg/compact/downsample/downsample.go (downsampleAggr, ApplyCounterResetsSeriesIterator), known from its
behaviour.
Format: docs/formats/downsampled.md.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import signed64
from promontory.kernels.compile import kernel
from promontory.kernels.downsample_windows import MOST_WINDOWS, choose_chunk_count, end_window

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SUM, LEAST, GREATEST = 0, 1, 2


@kernel("int64(int64[::1], int64[::1], int64[::1], int64[::1], int64, int64, int64[::1])")
def cut_chunk_batches(
    run_start: Ints, min_ms: Ints, max_ms: Ints, counts: Ints, from_ms: int, width_ms: int, batch_start: Ints
) -> int:
    """Cut each run of chunks into batches of chunks; write where each begins, and the end; return how many.

    run_start: int64[r + 1], runs of one chunk at least · min_ms, max_ms, counts: int64[c], counts the windows of each ·
    batch_start: int64[c + 1] is enough
    """
    batches = 0
    for run in range(len(run_start) - 1):
        begin, end = signed64(run_start[run]), signed64(run_start[run + 1])
        windows = signed64(0)
        for chunk in range(begin, end):
            windows += counts[chunk]
        chunks = choose_chunk_count(min_ms[begin], max_ms[end - 1], from_ms, width_ms, windows)
        # More chunks wanted than there are: Thanos would never end.
        size = max((end - begin) // chunks, 1)
        while begin < end:
            batch_start[batches] = begin
            batches += 1
            first = begin
            held = signed64(0)
            while begin < min(first + size, end) and (begin == first or held + counts[begin] <= MOST_WINDOWS):
                held += counts[begin]
                begin += 1
    batch_start[batches] = run_start[len(run_start) - 1]
    return batches


@kernel("void(int64[::1], int64[::1], float64[::1], int64, int64, int64[::1], int64[::1], float64[::1])")
def fold_aggregates(
    lane_start: Ints, times: Ints, values: Floats, width_ms: int, way: int,
    window_start: Ints, window_ms: Ints, out: Floats,
) -> None:  # fmt: skip
    """Write the SUM, LEAST or GREATEST of each window of each lane; a lane may be empty.

    window_start: int64[l + 1] · window_ms, out: one a window, and so many as samples are enough
    """
    window = signed64(0)
    for lane in range(len(lane_start) - 1):
        i, end = signed64(lane_start[lane]), signed64(lane_start[lane + 1])
        window_start[lane] = window
        while i < end:
            ends_ms = min(end_window(times[i], width_ms), times[end - 1])
            held = 0.0 + values[i] if way == SUM else values[i]
            i += 1
            while i < end and times[i] <= ends_ms:
                value = values[i]
                if way == SUM:
                    held += value
                elif way == LEAST:
                    held = value if value < held else held
                else:
                    held = value if value > held else held
                i += 1
            window_ms[window] = ends_ms
            out[window] = held
            window += 1
    window_start[len(lane_start) - 1] = window


@kernel("int64(int64[::1], int64[::1], float64[::1], int64[::1], float64[::1])")
def follow_counters(lane_start: Ints, times: Ints, values: Floats, kept_start: Ints, last_value: Floats) -> int:
    """Move the samples of each lane's counter, as if it had never been reset, to the front of `times` and `values`.

    kept_start: int64[l + 1], where those of each lane begin then · last_value: float64[l], the true last value.
    Returns how many samples are kept.
    """
    at = signed64(0)
    for lane in range(len(lane_start) - 1):
        kept_start[lane] = at
        begun = False
        last_ms = signed64(0)
        last = total = 0.0
        for place in range(lane_start[lane], lane_start[lane + 1]):
            value = values[place]
            if math.isnan(value):
                continue
            if begun and times[place] <= last_ms:
                # Of equal times the second one is the last raw value; an earlier time was seen before.
                if times[place] == last_ms:
                    last = value
                continue
            if not begun:
                total = value
            else:
                total += value if value < last else value - last
            begun = True
            last_ms, last = signed64(times[place]), value
            times[at] = last_ms
            values[at] = total
            at += 1
        last_value[lane] = last
    kept_start[len(lane_start) - 1] = at
    return at


@kernel("void(int64[::1], int64[::1], float64[::1], float64[::1], int64, int64[::1], int64[::1], float64[::1])")
def fold_counters(
    lane_start: Ints, times: Ints, values: Floats, last_value: Floats, width_ms: int,
    out_start: Ints, out_ms: Ints, out: Floats,
) -> None:  # fmt: skip
    """Write of each lane its first sample, the counter at each window, and the last window's time with `last_value`.

    The values are of `follow_counters`; an empty lane gives none. out_ms, out: two a lane more than samples are enough
    """
    place = signed64(0)
    for lane in range(len(lane_start) - 1):
        begin, end = signed64(lane_start[lane]), signed64(lane_start[lane + 1])
        out_start[lane] = place
        if begin == end:
            continue
        out_ms[place] = times[begin]
        out[place] = grown = last = values[begin]
        place += 1
        i = begin
        while i < end:
            ends_ms = min(end_window(times[i], width_ms), times[end - 1])
            while i < end and times[i] <= ends_ms:
                if i > begin:
                    # Added up by differences, as Thanos does: the digits depend on it.
                    grown += values[i] if values[i] < last else values[i] - last
                last = values[i]
                i += 1
            out_ms[place] = ends_ms
            out[place] = grown
            place += 1
        out_ms[place] = out_ms[place - 1]
        out[place] = last_value[lane]
        place += 1
    out_start[len(lane_start) - 1] = place
