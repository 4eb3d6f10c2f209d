"""Native histograms to windows: their sums, and the counter as if it had never been reset.

All histograms of a batch share their zero threshold and custom bounds (batches are cut where these change), and are
brought to the least of their schemas. So the buckets of a batch are columns, one for each key that occurs:

    layout   key        -3  -1   1   2   5
    dense    histogram   0   4   7   0   2        now, before, total, grown: float64[widest layout]

Source: Thanos, pkg/compact/downsample/downsample.go (histogramAggregator), known from its behaviour. Whether a counter
was reset is asked of the histograms as they were, not of those brought to a lower schema: Thanos takes each one of a
higher schema for a reset then, and counts it twice.
Format: docs/formats/downsampled.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import signed64
from promontory.kernels.compile import kernel
from promontory.kernels.downsample_windows import end_window
from promontory.kernels.histogram_bounds import POSITIVE

Ints = NDArray[np.int64]
Keys = NDArray[np.int32]
Floats = NDArray[np.float64]
Schemas = NDArray[np.int8]

# The scalars of a histogram that are added up: zero count, count, sum.
FACTS = 3


@kernel("int64(int64, int64)")
def reduce_key(key: int, shift: int) -> int:
    """Return the key of the bucket that holds a bucket in a schema that is lower by `shift`."""
    if shift == 0:
        return key
    target = POSITIVE + ((abs(key) - POSITIVE - 1) >> shift) + 1
    return target if key > 0 else -target


@kernel("void(int64[::1], int8[::1], int8[::1])")
def find_least_schemas(batch_start: Ints, schema: Schemas, least: Schemas) -> None:
    """Write the least schema of each batch; one that is empty gets 0."""
    for batch in range(len(batch_start) - 1):
        begin, end = batch_start[batch], batch_start[batch + 1]
        lowest = schema[begin] if begin < end else 0
        for row in range(begin, end):
            lowest = min(lowest, schema[row])
        least[batch] = lowest


@kernel("int64(int64[::1], int8[::1], int8[::1], int64[::1], int32[::1], int32[:, ::1], int64[::1], int32[::1])")
def unite_batch_keys(
    batch_start: Ints, schema: Schemas, least: Schemas, bucket_start: Ints, key: Keys, scratch: Keys,
    layout_start: Ints, layout: Keys,
) -> int:  # fmt: skip
    """Write the keys that the histograms of each batch populate in its least schema; return how many in all.

    batch_start: int64[b + 1], rows · scratch: int32[2, all buckets of the largest batch] · layout_start: int64[b + 1] ·
    layout: as many as there are buckets is enough
    """
    filled = signed64(0)
    for batch in range(len(batch_start) - 1):
        layout_start[batch] = filled
        side, size = 0, 0
        for row in range(batch_start[batch], batch_start[batch + 1]):
            shift = signed64(schema[row]) - signed64(least[batch])
            if _are_known(scratch[side], size, bucket_start[row], bucket_start[row + 1], key, shift):
                continue
            size = _unite(scratch[side], size, bucket_start[row], bucket_start[row + 1], key, shift, scratch[1 - side])
            side = 1 - side
        for place in range(size):
            layout[filled + place] = scratch[side, place]
        filled += size
    layout_start[len(batch_start) - 1] = filled
    return filled


@kernel("boolean(int32[::1], int64, int64, int64, int32[::1], int64)")
def _are_known(known: Keys, size: int, begin: int, end: int, key: Keys, shift: int) -> bool:
    place = 0
    for bucket in range(begin, end):
        wanted = reduce_key(signed64(key[bucket]), shift)
        while place < size and known[place] < wanted:
            place += 1
        if place == size or known[place] != wanted:
            return False
    return True


@kernel("int64(int32[::1], int64, int64, int64, int32[::1], int64, int32[::1])")
def _unite(known: Keys, size: int, begin: int, end: int, key: Keys, shift: int, out: Keys) -> int:
    place = filled = 0
    bucket = begin
    while place < size or bucket < end:
        fresh = reduce_key(signed64(key[bucket]), shift) if bucket < end else signed64(0)
        if bucket < end and (place == size or fresh <= known[place]):
            if place < size and known[place] == fresh:
                place += 1
            # Neighbours may fall into one bucket.
            while bucket < end and reduce_key(signed64(key[bucket]), shift) == fresh:
                bucket += 1
            out[filled] = fresh
        else:
            out[filled] = known[place]
            place += 1
        filled += 1
    return filled


@kernel("void(int64, int64, int64, int64[::1], int32[::1], float64[::1], int32[::1], float64[::1])")
def spread_row(
    row: int, shift: int, size: int, bucket_start: Ints, key: Keys, count: Floats, layout: Keys, dense: Floats
) -> None:
    """Write the buckets of a row to its batch's columns; each of its keys is in the layout."""
    place = 0
    bucket, end = bucket_start[row], bucket_start[row + 1]
    while bucket < end:
        target = reduce_key(signed64(key[bucket]), shift)
        while layout[place] < target:
            dense[place] = 0.0
            place += 1
        held = count[bucket]
        bucket += 1
        while bucket < end and reduce_key(signed64(key[bucket]), shift) == target:
            held += count[bucket]
            bucket += 1
        dense[place] = held
        place += 1
    for rest in range(place, size):
        dense[rest] = 0.0


@kernel(
    "int64(int64, int64, int64, int64[::1], int64[::1], boolean[::1], int64, int8[::1], float64[:, ::1],"
    " int64[::1], int32[::1], float64[::1], int8[::1], int64[::1], int32[::1], float64[:, ::1], float64[:, ::1],"
    " int64[::1], int64[::1], float64[::1], float64[:, ::1], int64[::1], int32[::1], float64[::1])"
)
def fold_histograms(
    counters: int, first: int, until: int, batch_start: Ints, times: Ints, reset: NDArray[np.bool_], width_ms: int,
    schema: Schemas, fact: Floats, bucket_start: Ints, bucket_key: Keys, bucket_count: Floats,
    least: Schemas, layout_start: Ints, layout: Keys, dense: Floats, state: Floats,
    window_start: Ints, window_ms: Ints, count: Floats, out_fact: Floats,
    out_start: Ints, out_key: Keys, out_count: Floats,
) -> int:  # fmt: skip
    """Write the sum of each window, or with `counters` 1 the counter, of the batches [first, until).

    times, schema, reset: of the rows; reset: whether a counter was reset before it · fact: float64[rows, 3] ·
    dense: float64[3, widest layout] · state: float64[3, 3] · window_start: int64[until - first + 1] ·
    window_ms, count, out_fact, out_start: one a window (and out_start one more) · out_key, out_count: as many buckets
    as there are windows times keys of the widest layout. Returns how many windows were written.
    """
    window = filled = signed64(0)
    out_start[0] = 0
    for batch in range(first, until):
        begin, end = signed64(batch_start[batch]), signed64(batch_start[batch + 1])
        keys = layout[layout_start[batch] : layout_start[batch + 1]]
        window_start[batch - first] = window
        i = begin
        while i < end:
            ends_ms = min(end_window(times[i], width_ms), times[end - 1])
            begun = i
            while i < end and times[i] <= ends_ms:
                shift = signed64(schema[i]) - signed64(least[batch])
                spread_row(i, shift, len(keys), bucket_start, bucket_key, bucket_count, keys, dense[0])
                for place in range(FACTS):
                    state[0, place] = fact[i, place]
                if counters == 0:
                    _add(state, FACTS, int(i == begun))
                    _add(dense, len(keys), int(i == begun))
                else:
                    _grow(state, FACTS, int(i == begin), int(reset[i]))
                    _grow(dense, len(keys), int(i == begin), int(reset[i]))
                i += 1
            window_ms[window] = ends_ms
            count[window] = float(i - begun)
            for place in range(FACTS):
                out_fact[window, place] = state[2, place]
            for place in range(len(keys)):
                if dense[2, place] != 0.0:
                    out_key[filled] = keys[place]
                    out_count[filled] = dense[2, place]
                    filled += 1
            window += 1
            out_start[window] = filled
    window_start[until - first] = window
    return window


@kernel("void(float64[:, ::1], int64, int64)")
def _add(columns: Floats, size: int, fresh: int) -> None:
    """Add row 0 to row 2, or begin with it."""
    for place in range(size):
        columns[2, place] = columns[0, place] if fresh else columns[2, place] + columns[0, place]


@kernel("void(float64[:, ::1], int64, int64, int64)")
def _grow(columns: Floats, size: int, fresh: int, reset: int) -> None:
    """Let row 2 grow by what row 0 has more than row 1, or by all of it after a reset; row 1 becomes row 0."""
    for place in range(size):
        now = columns[0, place]
        if fresh:
            columns[2, place] = now
        else:
            columns[2, place] += now if reset else now - columns[1, place]
        columns[1, place] = now
