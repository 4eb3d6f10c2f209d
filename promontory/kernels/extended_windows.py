"""Windows that see samples beyond their edges: `anchored` and `smoothed` selectors.

    anchored   |<- before ->(  range  ]              the newest sample at or before the left edge stands at that edge
    smoothed   |<- before ->(  range  ]<- after ->|  both edges get a value between the samples around them

Nothing is extrapolated: the increase is what lies between the left value and the right one. A counter that fell
between two samples is taken to have risen from 0 since the first of them.

A window that only has samples beyond its edges on one side has no value.

Source: Prometheus 3.14, promql/functions.go, extendedRate; engine.go, smoothSeries and extendFloats.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.counter_resets import find_resets
from promontory.kernels.rates import count_places, find_changes
from promontory.kernels.start_times import find_restarted
from promontory.kernels.windows import find_ends

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]
Octets = NDArray[np.uint8]


@kernel("float64(int64[::1], float64[::1], int64, int64, int64)")
def interpolate(timestamps: Longs, values: Floats, left: int, time_ms: int, counter: int) -> float:
    """Return the value at a time between the samples `left` and `left + 1`."""
    before = values[left]
    after = values[left + 1]
    if counter and after < before:
        before = 0.0
    value: float = before + (after - before) * float(time_ms - timestamps[left]) / float(
        timestamps[left + 1] - timestamps[left]
    )
    return value


@kernel(
    "int64(int64[::1], int64[::1], int64, int64, int64, int64, int64, int64, uint8[::1], int64[::1],"
    " int64[:, ::1], int64[:, ::1])"
)
def find_extended(
    row_start: Longs, timestamps: Longs,
    first_ms: int, step_ms: int, range_ms: int, before_ms: int, after_ms: int, smoothed: int,
    stop: Octets, ends: Longs, first: Longs, last: Longs,
) -> int:  # fmt: skip
    """Write the first and the last sample that each window is made of; return how many rows were done before `stop`.

    Window j of a row ends at first_ms + j * step_ms. A window without a value has its last before its first.
    ends: int64[2 k] scratch · first, last: int64[n, k]
    """
    count = first.shape[1]
    low = ends[:count]
    high = ends[count:]
    for row in range(len(row_start) - 1):
        if stop[0] != 0:
            return row
        start = row_start[row]
        end = row_start[row + 1]
        find_ends(timestamps, start, end, first_ms - range_ms, step_ms, low)
        find_ends(timestamps, start, end, first_ms, step_ms, high)
        for j in range(count):
            end_ms = first_ms + j * step_ms
            left = low[j]
            right = high[j] - 1
            exact = right >= start and timestamps[right] == end_ms
            if smoothed and not exact and high[j] < end and timestamps[high[j]] <= end_ms + after_ms:
                right = high[j]
            none = right < low[j]
            if left > start and timestamps[left - 1] > end_ms - range_ms - before_ms:
                left -= 1
            if none or (smoothed and left >= high[j]):
                right = left - 1
            first[row, j] = left
            last[row, j] = right
    return len(row_start) - 1


@kernel("float64(int64[::1], float64[::1], int64, int64, int64, int64, int64, int64)")
def extended_increase(
    timestamps: Longs, values: Floats, first: int, last: int, start_ms: int, end_ms: int, smoothed: int, counter: int,
) -> float:  # fmt: skip
    """Return the increase over one window made of the samples first to last."""
    left = values[first]
    if smoothed and timestamps[first] < start_ms:
        left = interpolate(timestamps, values, first, start_ms, counter)
    right = values[last]
    if smoothed and timestamps[last] > end_ms:
        right = interpolate(timestamps, values, last - 1, end_ms, counter)
    increase: float = right - left
    if not counter:
        return increase
    correction = 0.0
    previous = left
    for sample in range(first, last + 1):
        if timestamps[sample] <= start_ms or timestamps[sample] >= end_ms:
            continue
        if values[sample] < previous:
            correction += previous
        previous = values[sample]
    if right < previous:
        correction += previous
    increase += correction
    return increase


@kernel(
    "int64(int64[::1], float64[::1], int64[:, ::1], int64[:, ::1], int64, int64, int64, int64, int64, float64,"
    " uint8[::1], float64[:, ::1], boolean[:, ::1])"
)
def extended_rates(
    timestamps: Longs, values: Floats, first: Longs, last: Longs,
    first_ms: int, step_ms: int, range_ms: int, smoothed: int, counter: int, divisor: float,
    stop: Octets, out: Floats, present: Flags,
) -> int:  # fmt: skip
    """Evaluate the increase of each window, divided by `divisor`; return how many rows were done before `stop`.

    first, last: of `find_extended` · out, present: [n, k], present False on entry
    """
    for row in range(len(out)):
        if stop[0] != 0:
            return row
        for j in range(out.shape[1]):
            if last[row, j] < first[row, j]:
                continue
            end_ms = first_ms + j * step_ms
            increase = extended_increase(
                timestamps, values, first[row, j], last[row, j], end_ms - range_ms, end_ms, smoothed, counter
            )
            out[row, j] = increase / divisor
            present[row, j] = True
    return len(out)


@kernel(
    "int64(int64[::1], float64[::1], int64[:, ::1], int64[:, ::1], int64, boolean[::1], uint8[::1], int64[::1],"
    " int64[::1], float64[:, ::1], boolean[:, ::1])"
)
def count_anchored(
    row_start: Longs, values: Floats, first: Longs, last: Longs, falls: int, restarted: Flags,
    stop: Octets, places: Longs, ends: Longs, out: Floats, present: Flags,
) -> int:  # fmt: skip
    """Evaluate how often the value fell (`falls`) or changed in each window; return how many rows were done.

    first, last: of `find_extended` · restarted: bool[m], samples after which the counter began anew, or none ·
    places: int64 for the longest row, ends: int64[k] scratch
    """
    for row in range(len(out)):
        if stop[0] != 0:
            return row
        start = row_start[row]
        end = row_start[row + 1]
        if len(restarted) > 0:
            count = find_restarted(values, restarted, start, end, places)
        elif falls:
            count = find_resets(values, start, end, places)
        else:
            count = find_changes(values, start, end, places)
        for j in range(len(ends)):
            ends[j] = last[row, j] + 1
        count_places(count, places, first[row], ends, out[row], present[row])
    return len(out)


@kernel(
    "int64(int64[::1], int64[::1], int64, int64, int64, int64, uint8[::1], int64[::1], int64[:, ::1], int64[:, ::1])"
)
def find_around(
    row_start: Longs, timestamps: Longs, first_ms: int, step_ms: int, before_ms: int, after_ms: int,
    stop: Octets, ends: Longs, left: Longs, right: Longs,
) -> int:  # fmt: skip
    """Write the samples before and behind each time; return how many rows were done before `stop` was set.

    A sample at the time itself is both. ends: int64[k] scratch · left, right: int64[n, k], -1 where no sample is near
    """
    for row in range(len(row_start) - 1):
        if stop[0] != 0:
            return row
        start = row_start[row]
        end = row_start[row + 1]
        find_ends(timestamps, start, end, first_ms, step_ms, ends)
        for j in range(len(ends)):
            time_ms = first_ms + j * step_ms
            newest = ends[j] - 1
            left[row, j] = -1
            right[row, j] = -1
            if newest >= start and timestamps[newest] > time_ms - before_ms:
                left[row, j] = newest
                if timestamps[newest] == time_ms:
                    right[row, j] = newest
                    continue
            if ends[j] < end and timestamps[ends[j]] <= time_ms + after_ms:
                right[row, j] = ends[j]
    return len(row_start) - 1


@kernel(
    "int64(int64[::1], float64[::1], int64[:, ::1], int64[:, ::1], int64, int64, uint8[::1], float64[:, ::1],"
    " boolean[:, ::1])"
)
def smooth_values(
    timestamps: Longs, values: Floats, left: Longs, right: Longs, first_ms: int, step_ms: int,
    stop: Octets, out: Floats, present: Flags,
) -> int:  # fmt: skip
    """Evaluate the value at each time, between the samples around it or that of the last; return the rows done.

    left, right: of `find_around` · out, present: [n, k], present False on entry
    """
    for row in range(len(out)):
        if stop[0] != 0:
            return row
        for j in range(out.shape[1]):
            sample = left[row, j]
            if sample < 0:
                continue
            out[row, j] = values[sample]
            present[row, j] = True
            if right[row, j] > sample:
                out[row, j] = interpolate(timestamps, values, sample, first_ms + j * step_ms, 0)
    return len(out)


@kernel("int64(int64[::1], int64[::1], float64[::1], int64, int64, int64, int64[::1], int64[::1], float64[::1])")
def extend_rows(
    row_start: Longs, timestamps: Longs, values: Floats, start_ms: int, end_ms: int, smoothed: int,
    out_start: Longs, out_ms: Longs, out: Floats,
) -> int:  # fmt: skip
    """Write the samples of one window with a value at each of its edges; return how many there are.

    out_start: int64[n + 1] · out_ms, out: room for two samples a row more than there are
    """
    used = 0
    out_start[0] = 0
    for row in range(len(row_start) - 1):
        first = row_start[row]
        last = row_start[row + 1] - 1
        while first < last and timestamps[first + 1] <= start_ms:
            first += 1
        if smoothed:
            while last > row_start[row] and timestamps[last - 1] >= end_ms:
                last -= 1
        if last >= row_start[row] and timestamps[last] > start_ms:
            out_ms[used] = start_ms
            out[used] = values[first]
            if smoothed and timestamps[first] < start_ms:
                out[used] = interpolate(timestamps, values, first, start_ms, 0)
            used += 1
            for sample in range(first, last + 1):
                if timestamps[sample] > start_ms and timestamps[sample] < end_ms:
                    out_ms[used] = timestamps[sample]
                    out[used] = values[sample]
                    used += 1
            out_ms[used] = end_ms
            out[used] = values[last]
            if smoothed and last > row_start[row] and timestamps[last] > end_ms:
                out[used] = interpolate(timestamps, values, last - 1, end_ms, 0)
            used += 1
        out_start[row + 1] = used
    return used
