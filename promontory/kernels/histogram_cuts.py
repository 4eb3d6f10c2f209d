"""Where chunks of native histograms begin, and which buckets each of them has.

A chunk's histograms share schema, zero threshold and bounds. A counter reset begins a new chunk, and its header says
so; floats have chunks of their own; a stale marker ends the chunk of the histograms before it. A chunk whose counts are
all whole numbers is one of integers, else of floats.

Source: Prometheus 3.14, tsdb/chunkenc/histogram.go, appendable. Format: docs/formats/chunks.md.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import signed64
from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64
from promontory.kernels.windows import STALE_BITS

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Keys = NDArray[np.int32]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

XOR, HISTOGRAM, FLOAT_HISTOGRAM = 1, 2, 3
RESET_HINT, GAUGE_HINT = 1, 3
NO_HEADER, NOT_RESET_HEADER, RESET_HEADER, GAUGE_HEADER = 0, 1, 2, 3
MOST_WHOLE = 2.0**53


@kernel("boolean(float64)")
def is_whole(number: float) -> bool:
    """Say whether a count can be written as an integer: -0 cannot."""
    return math.copysign(1.0, number) > 0.0 and number <= MOST_WHOLE and number == np.floor(number)


@kernel("void(float64[::1], float64[::1], int64[::1], float64[::1], boolean[::1])")
def find_whole(count: Floats, zeros: Floats, start: Ints, buckets: Floats, out: NDArray[np.bool_]) -> None:
    """Write for each histogram whether all its counts are whole numbers."""
    for row in range(len(count)):
        whole = is_whole(count[row]) and is_whole(zeros[row])
        for place in range(start[row], start[row + 1]):
            whole = whole and is_whole(buckets[place])
        out[row] = whole


@kernel("boolean(int64, int64, int64[::1], int32[::1], float64[::1])")
def falls(row: int, before: int, start: Ints, keys: Keys, counts: Floats) -> bool:
    """Say whether a bucket of a histogram holds less than in the one before."""
    place = start[row]
    for old in range(start[before], start[before + 1]):
        while place < start[row + 1] and keys[place] < keys[old]:
            place += 1
        now = counts[place] if place < start[row + 1] and keys[place] == keys[old] else 0.0
        if now < counts[old]:
            return True
    return False


@kernel(
    "int64(int64[::1], int32[::1], uint64[::1], int8[::1], uint8[::1], int32[::1], float64[::1], float64[::1],"
    " float64[::1], int64[::1], int32[::1], float64[::1], boolean[::1], int64, int64[::1], int32[::1], uint8[::1],"
    " uint8[::1])"
)
def cut_chunks(
    row_start: Ints, index: Keys, bits: Words, schema: NDArray[np.int8], hint: Bytes, bounds: Keys, threshold: Floats,
    zeros: Floats, count: Floats, bucket_start: Ints, keys: Keys, counts: Floats, whole: NDArray[np.bool_],
    most: int, first: Ints, row: Keys, encoding: Bytes, header: Bytes,
) -> int:  # fmt: skip
    """Write where each chunk begins, its row, encoding and reset header; return how many chunks there are.

    index: int32[m], the histogram of each sample, -1 for a float · bits: the floats · most: samples of a chunk.
    Arrays of as many chunks as samples are enough.
    """
    chunks = 0
    for series in range(len(row_start) - 1):
        previous = -1  # the last histogram of this series, -1 after a float or a stale marker
        held = 0
        for sample in range(row_start[series], row_start[series + 1]):
            now = signed64(index[sample])
            stale = now < 0 and bits[sample] == wrap64(STALE_BITS)
            open_chunk = held > 0 and held < most
            if stale and previous >= 0:
                # The marker goes behind the histograms that it ends, even into a full chunk.
                held = most
                previous = -1
                continue
            kind = XOR
            state = NO_HEADER
            if now >= 0:
                kind = HISTOGRAM if whole[now] else FLOAT_HISTOGRAM
                if hint[now] == GAUGE_HINT:
                    state = GAUGE_HEADER
                elif hint[now] == RESET_HINT:
                    state = RESET_HEADER
                elif previous >= 0:
                    state = NOT_RESET_HEADER
            if now >= 0 and previous >= 0:
                same = schema[now] == schema[previous] and threshold[now] == threshold[previous]
                open_chunk = open_chunk and same and bounds[now] == bounds[previous] and state != RESET_HEADER
                open_chunk = open_chunk and (state == GAUGE_HEADER) == (hint[previous] == GAUGE_HINT)
                if state == NOT_RESET_HEADER and not same:
                    state = NO_HEADER
                elif state == NOT_RESET_HEADER and (
                    count[now] < count[previous] or zeros[now] < zeros[previous]
                    or bounds[now] != bounds[previous] or falls(now, previous, bucket_start, keys, counts)
                ):  # fmt: skip
                    state = RESET_HEADER
                    open_chunk = False
            if open_chunk and kind == HISTOGRAM and encoding[chunks - 1] == FLOAT_HISTOGRAM:
                kind = FLOAT_HISTOGRAM
            if not open_chunk or encoding[chunks - 1] != kind:
                first[chunks], row[chunks], header[chunks], encoding[chunks] = sample, series, state, kind
                chunks += 1
                held = 0
            held += 1
            previous = now
    return chunks


@kernel("int64(int64[::1], uint8[::1], int32[::1], int64[::1], int32[::1], int64[::1], int32[::1], int32[:, ::1])")
def unite_keys(
    first: Ints, encoding: Bytes, index: Keys, bucket_start: Ints, keys: Keys, layout_start: Ints, layout: Keys,
    scratch: Keys,
) -> int:  # fmt: skip
    """Write the keys of the buckets that the histograms of each chunk populate; return how many there are in all.

    first: int64[c + 1] · layout_start: int64[c + 1] · layout: where it is too small, nothing is written and the number
    alone is right · scratch: int32[2, largest union]
    """
    total = signed64(0)
    for chunk in range(len(encoding)):
        layout_start[chunk] = total
        if encoding[chunk] == XOR:
            continue
        side, size = 0, 0
        for sample in range(first[chunk], first[chunk + 1]):
            histogram = index[sample]
            if histogram < 0:
                continue
            start, end = bucket_start[histogram], bucket_start[histogram + 1]
            old, new, place = scratch[side], scratch[1 - side], 0
            known = 0
            while known < size or start < end:
                if start == end or (known < size and old[known] < keys[start]):
                    new[place] = old[known]
                    known += 1
                else:
                    if known < size and old[known] == keys[start]:
                        known += 1
                    new[place] = keys[start]
                    start += 1
                place += 1
            side, size = 1 - side, place
        for place in range(size):
            if total + place < len(layout):
                layout[total + place] = scratch[side, place]
        total += size
    layout_start[len(encoding)] = total
    return total
