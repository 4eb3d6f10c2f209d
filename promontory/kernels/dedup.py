"""Merging the replicas of a series: lanes of chunks, union by timestamp, and lanes folded by the penalty merge.

A lane is what one replica wrote. Values travel as uint64 bit patterns, so that every NaN stays the NaN it was.

Source: Thanos, pkg/dedup/iter.go (facts known from its behaviour). Format: docs/formats/deduplication.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.penalty import penalty_merge

Times = NDArray[np.int64]
Words = NDArray[np.uint64]
Offsets = NDArray[np.int64]


@kernel("int64(int32[::1], int32[::1], int64[::1], int64[::1], int32[::1], int64[::1])")
def assign_lanes(
    row: NDArray[np.int32], rank: NDArray[np.int32], min_ms: Times, max_ms: Times, lane: NDArray[np.int32],
    lane_end_ms: Times,
) -> int:  # fmt: skip
    """Write the lane of each chunk within its row; return a number above all lanes.

    Chunks come by row, inside a row those of unknown source (rank 0) first and by min_ms. A known source is a lane.
    Unknown ones go on the first lane that ends before they begin. lane_end_ms: int64[c], scratch
    """
    unknown = 0
    most = 0
    for chunk in range(len(row)):
        if chunk == 0 or row[chunk] != row[chunk - 1]:
            unknown = 0
        if rank[chunk] != 0:
            lane[chunk] = -rank[chunk]
            continue
        number = 0
        while number < unknown and lane_end_ms[number] >= min_ms[chunk]:
            number += 1
        if number == unknown:
            unknown += 1
        lane_end_ms[number] = max_ms[chunk]
        lane[chunk] = number
        most = max(most, number + 1)
    last = most
    for chunk in range(len(row)):
        if lane[chunk] < 0:
            lane[chunk] = most - lane[chunk] - 1
            last = max(last, lane[chunk] + 1)
    return last


@kernel("int64(int64[::1], int64[::1])")
def find_disorder(row_start: Offsets, timestamps_ms: Times) -> int:
    """Return the first row whose timestamps do not rise, or the number of rows.

    Slices make the indexes plainly non-negative, so that a row is vector code.
    """
    for row in range(len(row_start) - 1):
        now = timestamps_ms[row_start[row] + 1 : row_start[row + 1]]
        before = timestamps_ms[row_start[row] : row_start[row + 1] - 1]
        falls = 0
        for sample in range(len(now)):
            falls += now[sample] <= before[sample]
        if falls:
            return row
    return len(row_start) - 1


@kernel("int64(int64[::1], uint64[::1], int64, int64, int64[::1], uint64[::1], int64[::1])")
def unite_runs(
    times: Times, words: Words, begin: int, end: int, scratch_times: Times, scratch_words: Words, runs: Offsets
) -> int:
    """Sort [begin, end) in place by merging its rising runs, one sample a timestamp; return the new end.

    Of equal timestamps the one that stood first stays. Scratch holds end - begin samples, runs one more.
    """
    count = 0
    for sample in range(begin, end):
        if sample == begin or times[sample] <= times[sample - 1]:
            runs[count] = sample
            count += 1
    if count <= 1:
        return end
    while count > 1:
        merged = 0
        for run in range(0, count, 2):
            left = runs[run]
            left_end = runs[run + 1] if run + 1 < count else end
            right = left_end
            right_end = runs[run + 2] if run + 2 < count else end
            runs[merged] = left
            merged += 1
            for place in range(left - begin, right_end - begin):
                if right >= right_end or (left < left_end and times[left] <= times[right]):
                    scratch_times[place] = times[left]
                    scratch_words[place] = words[left]
                    left += 1
                else:
                    scratch_times[place] = times[right]
                    scratch_words[place] = words[right]
                    right += 1
        for sample in range(begin, end):
            times[sample] = scratch_times[sample - begin]
            words[sample] = scratch_words[sample - begin]
        count = merged
    last = begin
    for sample in range(begin + 1, end):
        if times[sample] != times[last]:
            last += 1
            times[last] = times[sample]
            words[last] = words[sample]
    return last + 1


@kernel(
    "int64(int64[::1], int64[::1], int64[::1], uint64[::1], int64[:, ::1], uint64[:, ::1], int64[::1], uint8[::1],"
    " int64[::1], int64[::1], uint64[::1])"
)
def fold_rows(
    row_lane: Offsets, lane_start: Offsets, times: Times, words: Words,
    scratch_times: NDArray[np.int64], scratch_words: NDArray[np.uint64], runs: Offsets, stop: NDArray[np.uint8],
    out_start: Offsets, out_times: Times, out_words: Words,
) -> int:  # fmt: skip
    """Fold the lanes of each row into one, D(D(lane 0, lane 1), lane 2) …; return how many rows were done.

    row_lane: int64[n + 1], the lanes of each row · lane_start: int64[l + 1], their samples (sorted in place) ·
    scratch: [3, s] for a largest row of s samples · runs: int64[s + 1] · out: as large as the input
    """
    place = 0
    out_start[0] = 0
    for row in range(len(row_lane) - 1):
        if stop[0] != 0:
            return row
        first = row_lane[row]
        final = row_lane[row + 1] - 1
        folded_times = times
        folded_words = words
        folded = 0
        folded_end = 0
        for lane in range(first, final + 1):
            begin = lane_start[lane]
            end = unite_runs(times, words, begin, lane_start[lane + 1], scratch_times[0], scratch_words[0], runs)
            if lane == first:
                folded, folded_end = begin, end
            elif lane == final:
                place = penalty_merge(
                    folded_times, folded_words, folded, folded_end, times, words, begin, end,
                    out_times, out_words, place,
                )  # fmt: skip
            else:
                side = 1 + (lane - first) % 2
                folded_end = penalty_merge(
                    folded_times, folded_words, folded, folded_end, times, words, begin, end,
                    scratch_times[side], scratch_words[side], 0,
                )  # fmt: skip
                folded = 0
                folded_times = scratch_times[side]
                folded_words = scratch_words[side]
        if first == final:
            for sample in range(folded, folded_end):
                out_times[place] = times[sample]
                out_words[place] = words[sample]
                place += 1
        out_start[row + 1] = place
    return len(row_lane) - 1
