"""Overlapping chunks of one series merged by the penalty rule: the first with the second, that with the third, …

    D(D(D(c0, c1), c2), c3)      each chunk is a lane of its own

A chunk changes nothing before the first sample that could make it skip: what was merged so far is kept up to there,
and the merge is resumed with the state that it would have. So a long run of chunks costs as much as its samples.
Source: Thanos, pkg/dedup/chunk_iter.go and iter.go (facts known from its behaviour).
Format: docs/formats/deduplication.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64
from promontory.kernels.penalty import INITIAL_PENALTY_MS, double_distance, is_near, resume_merge

Offsets = NDArray[np.int64]
Words = NDArray[np.uint64]


@kernel("int64(int64[::1], int64, int64, int64, int64)")
def find_first_skip(times: Offsets, begin: int, at: int, end: int, floor: int) -> int:
    """Return the first sample of [at, end) whose penalty reaches `floor`; the lane begins at `begin`, times rise."""
    while at < end:
        penalty = INITIAL_PENALTY_MS if at == begin else 2 * (times[at] - times[at - 1])
        if times[at] + penalty >= floor:
            return at
        at += 1
    return end


@kernel(
    "int64(int64[::1], int64[::1], int64[::1], uint64[::1], int64[::1], uint64[::1], uint8[::1],"
    " int64[::1], int64[::1], uint64[::1])"
)
def fold_groups(
    group_start: Offsets, chunk_start: Offsets, times: Offsets, words: Words,
    scratch_times: Offsets, scratch_words: Words, stop: NDArray[np.uint8],
    out_start: Offsets, out_times: Offsets, out_words: Words,
) -> int:  # fmt: skip
    """Fold the chunks of each group, which come by their first times; return how many groups were done.

    group_start: int64[g + 1], chunks of each group · chunk_start: int64[c + 1], times of a chunk rise · scratch: as
    large as the input · out_start: int64[g + 1] · out_times, out_words: as large as the input
    """
    begin = 0
    out_start[0] = 0
    for group in range(len(group_start) - 1):
        if stop[0] != 0:
            return group
        end = begin
        at = begin
        for chunk in range(group_start[group], group_start[group + 1]):
            low = chunk_start[chunk]
            high = chunk_start[chunk + 1]
            if low == high:
                continue
            last = 0
            penalty = wrap64(0)
            if is_near(out_times, begin, end) and is_near(times, low, high):
                at = find_first_skip(out_times, begin, at, end, times[low])
            else:
                at = begin
            if at > begin:
                last = out_times[at - 1]
                penalty = wrap64(INITIAL_PENALTY_MS)
                if at - 1 > begin:
                    penalty = double_distance(out_times[at - 2], last)
            rest = end - at
            for i in range(rest):
                scratch_times[i] = out_times[at + i]
                scratch_words[i] = out_words[at + i]
            end = resume_merge(
                scratch_times, scratch_words, 0, rest, times, words, low, high,
                out_times, out_words, at, at - begin, last, penalty,
            )  # fmt: skip
        begin = end
        out_start[group + 1] = end
    return len(group_start) - 1
