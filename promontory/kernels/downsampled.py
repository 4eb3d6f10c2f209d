"""Samples of downsampled chunks: counters that go on over chunks, and sums divided by their counts.

A counter aggregate holds, for a batch of raw samples, the first raw value, the counter at the end of each window as if
it had never been reset within the batch, and once more the time of the last window with the last raw value. So two
samples of one time are the end of a batch: the second one is what the next batch goes on from.

    lane    5  9  12  12'   3  4  9 …      12' is the last raw value, 3 the first one after it: a reset
    out     5  9  12        15 16 21

Source: Thanos, pkg/compact/downsample/aggr.go and downsample.go (ApplyCounterResetsSeriesIterator), known from its
behaviour.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@kernel("void(int64[::1], int64[::1], float64[::1], boolean[::1], boolean[::1], boolean[::1])")
def join_counters(
    lane_start: Longs, times: Longs, values: Floats, plain: Flags, counters: Flags, kept: Flags
) -> None:  # fmt: skip
    """Turn the samples of each lane that has counter aggregates into one counter that never falls.

    lane_start: int64[l + 1] · counters: bool[l] · plain: samples that are left as they are (histograms) ·
    kept: bool[m], set for the samples that count; values are changed in place
    """
    for lane in range(len(lane_start) - 1):
        for place in range(lane_start[lane], lane_start[lane + 1]):
            kept[place] = True
        if not counters[lane]:
            continue
        begun = False
        last_ms = 0
        last = 0.0
        total = 0.0
        for place in range(lane_start[lane], lane_start[lane + 1]):
            if plain[place]:
                continue
            value = values[place]
            if math.isnan(value):
                kept[place] = False
            elif not begun:
                begun = True
                total = value
            elif times[place] > last_ms:
                total += value - last if value >= last else value
            else:
                # Of equal times the second one is the last raw value; an earlier one was seen before.
                kept[place] = False
                if times[place] == last_ms:
                    last = value
                continue
            if kept[place]:
                last_ms = times[place]
                last = value
                values[place] = total


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], boolean[::1])")
def match_counts(
    sum_start: Longs, sum_times: Longs, count_start: Longs, count_times: Longs, counts: Floats, out: Floats, kept: Flags
) -> None:  # fmt: skip
    """Write the count of each sample of a sum, by its time; kept[m] is false where there is none.

    sum_start, count_start: int64[c + 1], the samples of chunk c and of the counts beside it
    """
    for chunk in range(len(sum_start) - 1):
        place = count_start[chunk]
        for sample in range(sum_start[chunk], sum_start[chunk + 1]):
            while place < count_start[chunk + 1] and count_times[place] < sum_times[sample]:
                place += 1
            known = place < count_start[chunk + 1] and count_times[place] == sum_times[sample]
            kept[sample] = known
            out[sample] = counts[place] if known else 1.0
