"""Native histograms to chunks, as Prometheus' appenders write them; the layout stands in histogram_decode.py.

A chunk's histograms share schema, zero threshold and bounds. Its layout has every bucket that one of them populates,
in as few spans as that takes; buckets that are next to each other share a span. A chunk whose counts are all whole
numbers is written as integers, else as floats. A stale marker has no buckets, and ends its chunk.

Two passes: `cut_chunks` says where chunks begin and `unite_keys` what their layouts are; `encode_chunks` writes them.

Source: Prometheus 3.14, tsdb/chunkenc/histogram.go, float_histogram.go and histogram_meta.go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import count_trailing_zeros, signed64
from promontory.kernels.compile import kernel
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

XOR, HISTOGRAM, FLOAT_HISTOGRAM = 1, 2, 3
POSITIVE = 1 << 24
CUSTOM_SCHEMA = -53
STALE_BITS = 0x7FF0000000000002
RESET_HINT, GAUGE_HINT = 1, 3
NO_HEADER, NOT_RESET_HEADER, RESET_HEADER, GAUGE_HEADER = 0, 1, 2, 3
MOST_WHOLE = 2.0**53
COUNT, ZEROS, SUM, AHEAD = range(4)
# Most bytes of a chunk beside its layout and samples, of a bucket in a layout, of a bound, of a sample, of its bucket.
CHUNK_ROOM, LAYOUT_ROOM, BOUND_ROOM, SAMPLE_ROOM, BUCKET_ROOM = 64, 18, 10, 48, 10


@kernel("boolean(float64)")
def is_whole(number: float) -> bool:
    """Say whether a count can be written as an integer."""
    return number >= 0.0 and number <= MOST_WHOLE and number == np.floor(number)


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


@kernel("void(uint8[::1], uint64[::1], uint64)")
def put_threshold(out: Bytes, cursor: Words, word: int) -> None:
    """Write a zero threshold, given as bits: a byte for 0 and powers of two from 2^-243 to 2^10, else nine."""
    exponent = signed64((wrap64(word) >> wrap64(52)) & wrap64(2047))
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
    out[at] = (last - first) >> 8
    out[at + 1] = (last - first) & 0xFF
    out[at + 2] = header << 6
    cursor[:] = 0
    cursor[AT] = at + 3
    begin = signed64(index[first])
    put_threshold(out, cursor, field_bits[begin, 0])
    put_varbit(out, cursor, signed64(schema[begin]))
    put_spans(out, cursor, layout, split, size, 1)
    put_spans(out, cursor, layout, 0, split, -1)
    if schema[begin] == CUSTOM_SCHEMA:
        put_varbit_uint(out, cursor, wrap64(high_bound - low_bound))
        for place in range(low_bound, high_bound):
            put_bound(out, cursor, bounds, bound_bits, place)
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
