"""Native histograms to chunks, as Prometheus' appenders write them; the layout stands in histogram_decode.py.

A chunk's layout has every bucket that one of its histograms populates, in as few spans as that takes: buckets next to
each other share a span. `histogram_cuts` says where chunks begin and what their layouts are.

Source: Prometheus 3.14, tsdb/chunkenc/histogram.go, float_histogram.go and histogram_meta.go.
Format: docs/formats/chunks.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import count_trailing_zeros, signed64
from promontory.kernels.compile import kernel
from promontory.kernels.histogram_bounds import CUSTOM_SCHEMA, POSITIVE
from promontory.kernels.histogram_cuts import FLOAT_HISTOGRAM, XOR
from promontory.kernels.memory import wrap64
from promontory.kernels.varbit_write import (
    AT,
    NO_WINDOW,
    close_bits,
    put_bits,
    put_varbit,
    put_varbit_uint,
    put_xored,
)
from promontory.kernels.xor_encode import encode_chunk as encode_floats

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Keys = NDArray[np.int32]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

COUNT, ZEROS, SUM, AHEAD = range(4)
# Most bytes of a chunk beside its layout and samples, of a bucket in a layout, of a bound, of a sample, of its bucket.
CHUNK_ROOM, LAYOUT_ROOM, BOUND_ROOM, SAMPLE_ROOM, BUCKET_ROOM = 64, 18, 10, 48, 10


@kernel("void(uint8[::1], uint64[::1], uint64)")
def put_threshold(out: Bytes, cursor: Words, word: int) -> None:
    """Write a zero threshold, given as bits: a byte for 0 and powers of two from 2^-243 to 2^10, else nine."""
    exponent = signed64(wrap64(word) >> wrap64(52))  # the sign is its top bit: a negative threshold takes nine
    if word == wrap64(0):
        put_bits(out, cursor, wrap64(0), 8)
    elif signed64(count_trailing_zeros(wrap64(word))) >= 52 and exponent >= 780 and exponent <= 1033:
        put_bits(out, cursor, wrap64(exponent - 779), 8)
    else:
        put_bits(out, cursor, wrap64(255), 8)
        put_bits(out, cursor, wrap64(word), 64)


@kernel("void(uint8[::1], uint64[::1], int32[::1], int64, int64, int64)")
def put_spans(out: Bytes, cursor: Words, layout: Keys, low: int, high: int, side: int) -> None:
    """Write the spans of layout[low:high], all of one side: 1 rises by index, -1 falls."""
    count = high - low
    spans = 0
    for place in range(count):
        key = layout[low + place] if side > 0 else -layout[high - 1 - place]
        before = (layout[low + place - 1] if side > 0 else -layout[high - place]) if place > 0 else key
        if place == 0 or key != before + 1:
            spans += 1
    put_varbit_uint(out, cursor, wrap64(spans))
    place = 0
    end = 0
    while place < count:
        index = (signed64(layout[low + place]) if side > 0 else -signed64(layout[high - 1 - place])) - POSITIVE
        length = 1
        while place + length < count:
            key = signed64(layout[low + place + length]) if side > 0 else -signed64(layout[high - 1 - place - length])
            if key - POSITIVE != index + length:
                break
            length += 1
        put_varbit_uint(out, cursor, wrap64(length))
        put_varbit(out, cursor, index - end)
        end = index + length
        place += length


@kernel("void(uint8[::1], uint64[::1], float64[::1], uint64[::1], int64)")
def put_bound(out: Bytes, cursor: Words, bounds: Floats, bits: Words, place: int) -> None:
    """Write a custom bound: thousandths from 0 to 33,554.430 as a number above 0, others as 0 and 64 bits."""
    thousandths = bounds[place] * 1000.0
    rounded = np.floor(thousandths + 0.5)
    if thousandths >= 0.0 and thousandths <= 33554430.0 and rounded / 1000.0 == bounds[place]:
        put_varbit_uint(out, cursor, wrap64(signed64(rounded) + 1))
    else:
        put_bits(out, cursor, wrap64(0), 1)
        put_bits(out, cursor, bits[place], 64)


@kernel("int64(int64, int64, int64[::1], int32[::1], float64[::1], int32[::1], int64, int64, float64[::1])")
def spread_counts(
    histogram: int, size: int, bucket_start: Ints, keys: Keys, counts: Floats, layout: Keys, low: int, split: int,
    out: Floats,
) -> int:  # fmt: skip
    """Write the counts of a histogram's buckets in the order of a chunk: positive side first, each by index.

    layout[low : low + size] are the chunk's keys, `split` of which are negative; return how many are positive.
    """
    place = bucket_start[histogram]
    for at in range(size):
        key = layout[low + at]
        found = place < bucket_start[histogram + 1] and keys[place] == key
        target = size - 1 - at if at < split else at - split
        out[target] = counts[place] if found else 0.0
        place += 1 if found else 0
    return size - split


@kernel(
    "void(uint8[::1], uint64[::1], int64, int64, int64, float64[::1], uint64[::1], uint64[::1], uint8[::1],"
    " uint8[::1], int64[::1], int64[::1])"
)
def put_buckets(
    out: Bytes, cursor: Words, later: int, floats: int, positives: int, counts: Floats, count_bits: Words,
    words: Words, leading: Bytes, trailing: Bytes, steps: Ints, changes: Ints,
) -> None:  # fmt: skip
    """Write the buckets of a sample, whose counts are in the order of the chunk, and keep what the next one needs.

    later, floats: 0 or 1 · count_bits: `counts` as bits · words, leading, trailing: XORed fields, the buckets from
    AHEAD on · steps, changes: int64[buckets], for integers
    """
    before = signed64(0)
    for bucket in range(len(counts)):
        if floats and later:
            put_xored(out, cursor, count_bits[bucket], words, leading, trailing, AHEAD + bucket)
        elif floats:
            words[AHEAD + bucket] = count_bits[bucket]
            put_bits(out, cursor, count_bits[bucket], 64)
        else:
            if bucket == positives:
                before = signed64(0)
            number = signed64(int(counts[bucket]))
            step = number - before
            before = number
            if later:
                change = step - steps[bucket]
                put_varbit(out, cursor, change - changes[bucket])
                changes[bucket] = change
            else:
                put_varbit(out, cursor, step)
            steps[bucket] = step


@kernel(
    "void(uint8[::1], int64, int64, int64, int64, uint64, int32[::1], int64, float64[::1], uint64[::1], uint64[::1])"
)
def put_head(
    out: Bytes, at: int, count: int, header: int, schema: int, threshold: int, layout: Keys, split: int,
    bounds: Floats, bound_bits: Words, cursor: Words,
) -> None:  # fmt: skip
    """Write what stands before the samples at out[at:], and set the cursor behind it."""
    out[at] = count >> 8
    out[at + 1] = count & 0xFF
    out[at + 2] = header << 6
    cursor[:] = 0
    cursor[AT] = at + 3
    put_threshold(out, cursor, threshold)
    put_varbit(out, cursor, schema)
    put_spans(out, cursor, layout, split, len(layout), 1)
    put_spans(out, cursor, layout, 0, split, -1)
    if schema == CUSTOM_SCHEMA:
        put_varbit_uint(out, cursor, wrap64(len(bounds)))
        for place in range(len(bounds)):
            put_bound(out, cursor, bounds, bound_bits, place)


@kernel(
    "int64(uint8[::1], int64, int64[::1], uint64[::1], int32[::1], int64, int64, int64, uint8, uint8, int8[::1],"
    " float64[:, ::1], uint64[:, ::1], int64[::1], int32[::1], float64[::1], float64[::1], uint64[::1], int64, int64,"
    " int32[::1], float64[::1], uint64[::1], uint64[::1], uint8[::1], uint8[::1], int64[::1], int64[::1], uint64[::1])"
)
def encode_chunk(
    out: Bytes, at: int, times: Ints, bits: Words, index: Keys, first: int, last: int, split: int,
    encoding: int, header: int, schema: NDArray[np.int8], fields: Floats, field_bits: Words, bucket_start: Ints,
    keys: Keys, counts: Floats, bounds: Floats, bound_bits: Words, low_bound: int, high_bound: int, layout: Keys,
    spread: Floats, spread_bits: Words, words: Words, leading: Bytes, trailing: Bytes, steps: Ints, changes: Ints,
    cursor: Words,
) -> int:  # fmt: skip
    """Write the chunk of samples [first, last) to out[at:]; return its end. Room for the worst case is there.

    layout: the keys of the chunk's buckets, `split` of them negative · fields[h, 4]: zero threshold, zero count,
    count, sum, and the same as bits · spread, …: scratch for as many buckets
    """
    size = len(layout)
    floats = 1 if encoding == FLOAT_HISTOGRAM else 0
    begin = signed64(index[first])
    put_head(
        out, at, last - first, header, schema[begin], field_bits[begin, 0], layout, split,
        bounds[low_bound:high_bound], bound_bits[low_bound:high_bound], cursor,
    )  # fmt: skip
    leading[: AHEAD + size] = NO_WINDOW
    changes[:size] = 0
    delta_ms = signed64(0)
    count, count_delta, zeros, zeros_delta = signed64(0), signed64(0), signed64(0), signed64(0)
    for sample in range(first, last):
        histogram = signed64(index[sample])
        later = 1 if sample > first else 0
        if later:
            step_ms = signed64(wrap64(times[sample]) - wrap64(times[sample - 1]))
            put_varbit(out, cursor, signed64(wrap64(step_ms) - wrap64(delta_ms)))
            delta_ms = step_ms
        else:
            put_varbit(out, cursor, signed64(times[sample]))
        for place in range(SUM):
            # Of the columns of a histogram the count stands third and the zero count second.
            if floats:
                word = field_bits[histogram, 2 - place] if histogram >= 0 else wrap64(0)
                if later:
                    put_xored(out, cursor, word, words, leading, trailing, place)
                else:
                    words[place] = word
                    put_bits(out, cursor, word, 64)
            elif histogram < 0:
                put_varbit(out, cursor, 0)
            elif not later:
                put_varbit_uint(out, cursor, wrap64(int(fields[histogram, 2 - place])))
        if not floats and histogram >= 0:
            now_count, now_zeros = signed64(int(fields[histogram, 2])), signed64(int(fields[histogram, 1]))
            if later:
                put_varbit(out, cursor, now_count - count - count_delta)
                put_varbit(out, cursor, now_zeros - zeros - zeros_delta)
                count_delta, zeros_delta = now_count - count, now_zeros - zeros
            count, zeros = now_count, now_zeros
        word = field_bits[histogram, 3] if histogram >= 0 else bits[sample]
        if later:
            put_xored(out, cursor, word, words, leading, trailing, SUM)
        else:
            words[SUM] = word
            put_bits(out, cursor, word, 64)
        if histogram >= 0:
            positives = spread_counts(histogram, size, bucket_start, keys, counts, layout, 0, split, spread)
            put_buckets(
                out, cursor, later, floats, positives, spread[:size], spread_bits[:size], words, leading, trailing,
                steps, changes,
            )  # fmt: skip
    return close_bits(cursor)


@kernel(
    "void(int64[::1], uint64[::1], int32[::1], int64[::1], uint8[::1], uint8[::1], int8[::1], float64[:, ::1],"
    " uint64[:, ::1], int64[::1], int32[::1], float64[::1], int32[::1], int64[::1], float64[::1], uint64[::1],"
    " int64[::1], int32[::1], float64[::1], uint64[::1], uint64[::1], uint8[::1], uint8[::1], int64[::1], int64[::1],"
    " uint64[::1], uint8[::1], int64[::1])"
)
def encode_chunks(
    times: Ints, bits: Words, index: Keys, first: Ints, encoding: Bytes, header: Bytes, schema: NDArray[np.int8],
    fields: Floats, field_bits: Words, bucket_start: Ints, keys: Keys, counts: Floats, bound_row: Keys,
    bound_start: Ints, bounds: Floats, bound_bits: Words, layout_start: Ints, layout: Keys,
    spread: Floats, spread_bits: Words, words: Words, leading: Bytes, trailing: Bytes, steps: Ints, changes: Ints,
    cursor: Words, out: Bytes, position: Ints,
) -> None:  # fmt: skip
    """Write chunk c of the samples first[c] .. first[c + 1] to out[position[c] : position[c + 1]].

    bound_row int32[h], bound_start, bounds: the custom bounds of each histogram · the rest as in `encode_chunk`
    """
    at = signed64(0)
    for chunk in range(len(encoding)):
        position[chunk] = at
        begin, end = signed64(first[chunk]), signed64(first[chunk + 1])
        if encoding[chunk] == XOR:
            at = encode_floats(times, bits, begin, end, out, at)
            continue
        low, high = layout_start[chunk], layout_start[chunk + 1]
        split = 0
        while low + split < high and layout[low + split] < 0:
            split += 1
        row = bound_row[index[begin]]
        at = encode_chunk(
            out, at, times, bits, index, begin, end, split, encoding[chunk], header[chunk], schema,
            fields, field_bits, bucket_start, keys, counts, bounds, bound_bits, bound_start[row], bound_start[row + 1],
            layout[low:high], spread, spread_bits, words, leading, trailing, steps, changes, cursor,
        )  # fmt: skip
    position[len(encoding)] = at
