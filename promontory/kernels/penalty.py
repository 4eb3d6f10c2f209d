"""Two replicas of a series made one: Thanos' penalty algorithm.

Of two lanes a and b, after a sample at `last` was taken, each lane first skips what lies before last + 1 + its
penalty. Then the smaller timestamp wins, a on a tie. The winner's penalty becomes 0, the other's twice the distance
between the last two samples taken, or 5 s where there was none before. So a lane is left only when it misses about
two samples, and the answer never gets denser than one replica is.

    a    o    o    o    o    o         o    each distance at most twice the one before: b, which must lie beyond
    b      o    o    o    o    o    o       twice that distance, cannot win, and is not looked at

That is a run: it is found by a pass over one lane, copied, and the other lane is searched once behind it.

Source: Thanos, pkg/dedup/iter.go (facts known from its behaviour), without its counter adjustment: values are never
altered (docs/decisions/0003-no-counter-adjustment.md). Format: docs/formats/deduplication.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64

Times = NDArray[np.int64]
Words = NDArray[np.uint64]

INITIAL_PENALTY_MS = 5000
# Twice it is still a uint64; a distance beyond it cannot come twice between int64 times.
MOST_DISTANCE_MS = 2**63 - 1
# Between times this far from 1970 at most, distances, their doubles and sums with times are int64.
FAR_MS = 1 << 60


@kernel(
    "int64(int64[::1], uint64[::1], int64, int64, int64[::1], uint64[::1], int64, int64,"
    " int64[::1], uint64[::1], int64)"
)
def penalty_merge(
    a_times: Times, a_words: Words, a: int, a_end: int, b_times: Times, b_words: Words, b: int, b_end: int,
    out_times: Times, out_words: Words, out: int,
) -> int:  # fmt: skip
    """Merge lanes [a, a_end) and [b, b_end), whose times rise, from `out` on; return the end of what was written."""
    return resume_merge(
        a_times, a_words, a, a_end, b_times, b_words, b, b_end, out_times, out_words, out, 0, 0, wrap64(0)
    )


@kernel(
    "int64(int64[::1], uint64[::1], int64, int64, int64[::1], uint64[::1], int64, int64,"
    " int64[::1], uint64[::1], int64, int64, int64, uint64)"
)
def resume_merge(
    a_times: Times, a_words: Words, a: int, a_end: int, b_times: Times, b_words: Words, b: int, b_end: int,
    out_times: Times, out_words: Words, out: int, taken: int, last: int, b_penalty: int,
) -> int:  # fmt: skip
    """Go on with a merge that has `taken` so many samples of lane a: `last` was the last, b got its penalty then."""
    begun = taken > 0
    a_penalty = wrap64(0)
    near = is_near(a_times, a, a_end) and is_near(b_times, b, b_end)
    while True:
        if begun:
            a = skip_near(a_times, a, a_end, last, a_penalty)
            b = skip_near(b_times, b, b_end, last, b_penalty)
        if a >= a_end and b >= b_end:
            return out
        if b >= b_end or (a < a_end and a_times[a] <= b_times[b]):
            if b < b_end:
                b_penalty = double_distance(last, a_times[a]) if begun else wrap64(INITIAL_PENALTY_MS)
            a_penalty = wrap64(0)
            end = a + 1
            if begun and near:
                end, floor = find_run(a_times, a, a_end, last)
                b = skip_until(b_times, b, b_end, floor)
            out = copy_run(a_times, a_words, a, end, out_times, out_words, out)
            if end > a + 1:
                b_penalty = double_distance(a_times[end - 2], a_times[end - 1])
            last = a_times[end - 1]
            a = end
        else:
            if a < a_end:
                a_penalty = double_distance(last, b_times[b]) if begun else wrap64(INITIAL_PENALTY_MS)
            b_penalty = wrap64(0)
            end = b + 1
            if begun and near:
                end, floor = find_run(b_times, b, b_end, last)
                a = skip_until(a_times, a, a_end, floor)
            out = copy_run(b_times, b_words, b, end, out_times, out_words, out)
            if end > b + 1:
                a_penalty = double_distance(b_times[end - 2], b_times[end - 1])
            last = b_times[end - 1]
            b = end
        begun = True


@kernel("boolean(int64[::1], int64, int64)")
def is_near(times: Times, at: int, end: int) -> bool:
    """Say whether the rising times of [at, end) are near enough to 1970 for int64 arithmetic."""
    return at >= end or (times[at] >= -FAR_MS and times[end - 1] <= FAR_MS)


@kernel("UniTuple(int64, 2)(int64[::1], int64, int64, int64)")
def find_run(times: Times, at: int, end: int, last: int) -> tuple[int, int]:
    """Return (the end of the run that begins at `at`, the time up to which the other lane is skipped by it).

    last: the time of the sample taken before times[at]
    """
    time = times[at]
    penalty = 2 * (time - last)
    floor = time + penalty
    for i in range(at + 1, end):
        distance = times[i] - time
        if distance > penalty:
            return i, floor
        time = times[i]
        penalty = 2 * distance
        floor = max(floor, time + penalty)
    return end, floor


@kernel("int64(int64[::1], int64, int64, int64)")
def skip_until(times: Times, at: int, end: int, floor: int) -> int:
    """Return the first of the rising [at, end) that is later than `floor`."""
    low = at
    high = end
    while low < high:
        middle = (low + high) >> 1
        if times[middle] > floor:
            high = middle
        else:
            low = middle + 1
    return low


@kernel("int64(int64[::1], uint64[::1], int64, int64, int64[::1], uint64[::1], int64)")
def copy_run(
    times: Times, words: Words, at: int, end: int, out_times: Times, out_words: Words, out: int
) -> int:  # fmt: skip
    """Copy [at, end) to `out`; return the end of what was written. Slices make it vector code."""
    from_times = times[at:end]
    from_words = words[at:end]
    to_times = out_times[out : out + len(from_times)]
    to_words = out_words[out : out + len(from_times)]
    for i in range(len(from_times)):
        to_times[i] = from_times[i]
    for i in range(len(from_words)):
        to_words[i] = from_words[i]
    return out + len(from_times)


@kernel("int64(int64[::1], int64, int64, int64, uint64)")
def skip_near(times: Times, at: int, end: int, last: int, penalty: int) -> int:
    """Return the first of [at, end) that is later than `last` by more than `penalty`; distances are unsigned."""
    while at < end and (times[at] <= last or wrap64(wrap64(times[at]) - wrap64(last)) <= penalty):
        at += 1
    return at


@kernel("uint64(int64, int64)")
def double_distance(last: int, time: int) -> int:
    """Return the penalty of the lane that was not taken when `time` followed `last`."""
    return wrap64(min(wrap64(wrap64(time) - wrap64(last)), wrap64(MOST_DISTANCE_MS)) << wrap64(1))
