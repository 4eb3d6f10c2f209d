"""Native histogram chunks to columns; what stands before the samples is in histogram_layout.py.

    sample     time · count · zero count · sum · positive buckets · negative buckets · start time, where there are any
    integers   sample 0 plain, later ones as delta of delta; a bucket is the difference to the bucket before it
    floats     sample 0 as 64 bits, later ones XORed with the sample before

Two passes: `measure_chunks` reads the layouts and says how much room is needed at most, `decode_histograms` fills it.
Every bucket of every sample takes a bit at least, so the room is bounded by the bytes whatever they claim. The position
is compared with the end before each field; READABLE bytes after the end must be readable, else a chunk is decoded from
a copy. Only populated buckets come out, in the order of their keys. A stale histogram comes out as a stale float.

Source: Prometheus 3.14, tsdb/chunkenc/histogram.go, float_histogram.go and st.go. Format: docs/formats/chunks.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import load_bits, octets_at, signed64
from promontory.kernels.compile import kernel
from promontory.kernels.copy import copy_bytes
from promontory.kernels.histogram_layout import (
    BIT,
    BOUNDS,
    COUNT,
    COUNT_DELTA,
    FLOAT_HISTOGRAM_ST,
    HEADER_BYTES,
    HISTOGRAM_ST,
    MOST_SCHEMA,
    NEGATIVES,
    POSITIVES,
    SCHEMA,
    START,
    START_DIFF,
    TIME,
    TIME_DELTA,
    ZEROS,
    count_samples,
    read_layout,
    threshold_bits,
)
from promontory.kernels.memory import wrap64
from promontory.kernels.varbit import READABLE, take_varbit, take_varbit_uint, take_varint_at, take_xored
from promontory.kernels.windows import STALE_BITS
from promontory.kernels.xor_decode import CORRUPT, OK, STOPPED, UNSUPPORTED

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Keys = NDArray[np.int32]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

HISTOGRAM, FLOAT_HISTOGRAM, XOR2 = 2, 3, 4
UNKNOWN_HINT, NOT_RESET_HINT, GAUGE_HINT = 0, 2, 3
GAUGE_HEADER = 3
# Places before the buckets' in the columns of XORed values.
XOR_COUNT, XOR_ZEROS, XOR_SUM, XOR_BUCKETS = range(4)


@kernel(
    "boolean(octets, int64, int64, int64, int64, int64[::1], uint64[::1], uint8[::1], uint8[::1], int64[::1],"
    " int64[::1])"
)
def take_sample(
    data: Bytes, last_bit: int, later: int, floats: int, buckets: int, state: Ints,
    words: Words, leading: Bytes, sizes: Bytes, steps: Ints, changes: Ints,
) -> bool:  # fmt: skip
    """Read one sample; say whether the bytes hold it. A stale one has no buckets.

    later, floats: 0 or 1 · words, leading, sizes: count, zero count, sum, then the buckets as XORed fields; integers
    use the sum's alone · steps, changes: int64[buckets], for integers the difference of each bucket to the one before,
    and how that changes from sample to sample
    """
    number, bit = take_varbit(data, state[BIT])
    if later:
        state[TIME_DELTA] = signed64(wrap64(state[TIME_DELTA]) + wrap64(number))
        number = signed64(wrap64(state[TIME]) + wrap64(state[TIME_DELTA]))
    state[TIME] = number
    for place in range(XOR_BUCKETS):
        if floats or place == XOR_SUM:
            if later:
                bit = take_xored(data, bit, words, leading, sizes, place)
                if bit < 0:
                    return False
            else:
                words[place] = load_bits(data, bit)
                bit += 64
        elif later:
            number, bit = take_varbit(data, bit)
            state[COUNT_DELTA + 2 * place] = signed64(wrap64(state[COUNT_DELTA + 2 * place]) + wrap64(number))
            total = wrap64(state[COUNT + 2 * place]) + wrap64(state[COUNT_DELTA + 2 * place])
            state[COUNT + 2 * place] = signed64(total)
        else:
            word, after = take_varbit_uint(data, bit)
            state[COUNT + 2 * place] = signed64(word)
            bit = signed64(after)
    state[BIT] = bit
    if later and words[XOR_SUM] == wrap64(STALE_BITS):
        return bit <= last_bit
    for bucket in range(buckets):
        if bit > last_bit:
            return False
        if not floats:
            number, bit = take_varbit(data, bit)
            if later:
                changes[bucket] = signed64(wrap64(changes[bucket]) + wrap64(number))
                number = signed64(wrap64(steps[bucket]) + wrap64(changes[bucket]))
            steps[bucket] = number
        elif later:
            bit = take_xored(data, bit, words, leading, sizes, XOR_BUCKETS + bucket)
            if bit < 0:
                return False
        else:
            words[XOR_BUCKETS + bucket] = load_bits(data, bit)
            bit += 64
    state[BIT] = bit
    return bit <= last_bit


@kernel("boolean(octets, int64, int64, int64, int64, int64[::1])")
def take_start(data: Bytes, last_bit: int, number: int, flags: int, before_ms: int, state: Ints) -> bool:
    """Read the start time of sample `number`, counted from 0, where it has one; say whether the bytes hold it.

    flags: 128 if the first sample's is known, and the number of the first sample with another · before_ms: the time
    of the sample before
    """
    changes_at = flags & 127
    bit = state[BIT]
    if number == 0:
        if flags >= 128:
            state[START_DIFF], bit = take_varint_at(data, bit)
            state[START] = signed64(wrap64(state[TIME]) - wrap64(state[START_DIFF]))
    elif changes_at > 0 and number >= changes_at:
        change, bit = take_varbit(data, bit)
        if number > changes_at:
            change = signed64(wrap64(change) + wrap64(state[START_DIFF]))
        state[START_DIFF] = change
        state[START] = signed64(wrap64(before_ms) - wrap64(change))
    state[BIT] = bit
    return bool(bit <= last_bit)


@kernel("int64(int64, int64, int64, int64[::1], float64[::1], int32[::1], int64, int32[::1], float64[::1])")
def put_side(
    low: int, high: int, floats: int, steps: Ints, values: Floats, keys: Keys,
    at: int, out_key: Keys, out_count: Floats,
) -> int:  # fmt: skip
    """Write the populated ones of the buckets [low, high), of one side, by index; return the place after them.

    Buckets that a lower resolution unites have one key and are added in the order of their indexes, as Prometheus does.
    """
    first = at
    total = wrap64(0)
    for place in range(low, high):
        total = wrap64(total + wrap64(steps[place]))
        number = values[XOR_BUCKETS + place] if floats else signed64(total)
        if number == 0.0:
            continue
        if at > first and out_key[at - 1] == keys[place]:
            out_count[at - 1] += number
            if out_count[at - 1] == 0.0:  # counts of a gauge may be negative
                at -= 1
            continue
        out_key[at] = keys[place]
        out_count[at] = number
        at += 1
    return at


@kernel("int64(int64, int64, int64, int64[::1], float64[::1], int32[::1], int64, int32[::1], float64[::1])")
def put_buckets(
    positives: int, negatives: int, floats: int, steps: Ints, values: Floats, keys: Keys,
    at: int, out_key: Keys, out_count: Floats,
) -> int:  # fmt: skip
    """Write the populated buckets from `at` on, by key; return the place after them.

    values: XORed fields as floats · keys: positive side first, each side from its least index
    """
    end = put_side(positives, positives + negatives, floats, steps, values, keys, at, out_key, out_count)
    # The negative side rises towards zero: its last bucket comes first.
    low, high = at, end - 1
    while low < high:
        out_count[low], out_count[high] = out_count[high], out_count[low]
        out_key[low], out_key[high] = out_key[high], out_key[low]
        low += 1
        high -= 1
    return put_side(0, positives, floats, steps, values, keys, end, out_key, out_count)


@kernel("boolean(int64, int64, int64)")
def lies_within(start: int, length: int, size: int) -> bool:
    """Say whether [start, start + length) lies within `size` bytes."""
    return start >= 0 and length >= 0 and start <= size and length <= size - start


@kernel(
    "void(int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64, int64,"
    " uint8[::1], int32[::1], float64[::1], uint64[::1], int64[::1], int64[::1], int64[::1], uint8[::1])"
)
def measure_chunks(
    addresses: Ints, sizes: Ints, buffer: Keys, start: Ints, length: Ints, encoding: Bytes, min_ms: Ints, max_ms: Ints,
    first_ms: int, last_ms: int, scratch: Bytes, no_keys: Keys, no_bounds: Floats, no_bits: Words, state: Ints,
    counts: Ints, room: Ints, status: Bytes,
) -> None:  # fmt: skip
    """Fill counts[c] and status[c], and `room`, what the samples of all chunks need at most.

    room: int64[3]: buckets of all samples, buckets of the widest layout, custom bounds · no_keys, no_bounds, no_bits:
    empty. A chunk that is bad, of another encoding or outside [first_ms, last_ms] counts no samples.
    """
    room[:] = 0
    for i in range(len(buffer)):
        counts[i] = 0
        status[i] = OK
        if encoding[i] < HISTOGRAM or encoding[i] > FLOAT_HISTOGRAM_ST or encoding[i] == XOR2:
            status[i] = UNSUPPORTED
            continue
        if max_ms[i] < first_ms or min_ms[i] > last_ms:
            continue
        status[i] = CORRUPT
        size = signed64(sizes[buffer[i]])
        begin, octets = signed64(start[i]), signed64(length[i])
        if not lies_within(begin, octets, size):
            continue
        data = octets_at(signed64(addresses[buffer[i]]), size)
        if begin + octets + READABLE > size:
            copy_bytes(scratch, 0, data, begin, octets)
            data, begin = scratch, 0
        count = count_samples(data, begin, begin + octets, encoding[i])
        if count > 0:
            status[i] = read_layout(data, begin, begin + octets, no_keys, no_bounds, no_bits, 0, state)
        elif count == 0:
            status[i] = OK
        if status[i] != OK or count <= 0:
            continue
        buckets = state[POSITIVES] + state[NEGATIVES]
        # A sample takes four bits, a bucket that comes out takes one, 64 in the first of floats.
        if buckets + 4 * count > octets * 8:
            status[i] = CORRUPT
            continue
        counts[i] = count
        room[0] += min(buckets * count, octets * 8)
        room[1] = max(room[1], buckets)
        room[2] += state[BOUNDS]


@kernel(
    "UniTuple(int64, 2)(octets, int64, int64, int64, int64, int64, int64, int64, int64[::1], uint64[::1], float64[::1],"
    " uint8[::1], uint8[::1], int64[::1], int64[::1], int32[::1], int64, int64, int64[::1], uint64[::1], int32[::1],"
    " int64[::1], int8[::1], uint8[::1], int32[::1], float64[:, ::1], uint64[:, ::1], int64[::1], int32[::1],"
    " float64[::1])"
)
def decode_chunk(
    data: Bytes, begin: int, end: int, encoding: int, count: int, number: int, first_ms: int, last_ms: int,
    state: Ints, words: Words, values: Floats, leading: Bytes, windows: Bytes, steps: Ints, changes: Ints, keys: Keys,
    at: int, rows: int, times: Ints, stale: Words, row: Keys, starts: Ints,
    schema: NDArray[np.int8], hint: Bytes, chunk: Keys, fields: Floats, field_bits: Words,
    bucket_start: Ints, bucket_key: Keys, bucket_count: Floats,
) -> tuple[int, int]:  # fmt: skip
    """Decode `count` samples of the chunk in the bytes [begin, end), whose layout `state` holds.

    Samples go to times[at:] and so on, histograms to schema[rows:] and so on; returns where both end, -1 for bad bytes.
    `number` is the chunk's, written to `chunk`.
    """
    positives, negatives = state[POSITIVES], state[NEGATIVES]
    floats = 1 if encoding in (FLOAT_HISTOGRAM, FLOAT_HISTOGRAM_ST) else 0
    with_starts = encoding in (HISTOGRAM_ST, FLOAT_HISTOGRAM_ST)
    header = signed64(data[begin] if with_starts else data[begin + 2]) >> 6
    words[: XOR_BUCKETS + positives + negatives] = 0
    leading[: XOR_BUCKETS + positives + negatives] = 0
    windows[: XOR_BUCKETS + positives + negatives] = 64
    changes[: positives + negatives] = 0
    for sample in range(count):
        before_ms = state[TIME]
        good = take_sample(
            data, end * 8, 1 if sample else 0, floats, positives + negatives, state, words, leading, windows,
            steps, changes,
        )  # fmt: skip
        if good and with_starts:
            good = take_start(data, end * 8, sample, signed64(data[begin + 2]), before_ms, state)
        time_ms = state[TIME]
        if not good or (sample > 0 and time_ms < before_ms):
            return -1, -1
        if time_ms < first_ms or time_ms > last_ms:
            continue
        times[at], starts[at], stale[at], row[at] = time_ms, state[START], 0, rows
        at += 1
        if words[XOR_SUM] == wrap64(STALE_BITS):
            stale[at - 1] = wrap64(STALE_BITS)
            row[at - 1] = -1
            continue
        schema[rows] = min(state[SCHEMA], MOST_SCHEMA)
        hint[rows] = GAUGE_HINT if header == GAUGE_HEADER else NOT_RESET_HINT if sample else UNKNOWN_HINT
        chunk[rows] = number
        field_bits[rows, 0] = threshold_bits(data, begin + HEADER_BYTES)
        fields[rows, 1] = values[XOR_ZEROS] if floats else wrap64(state[ZEROS])
        fields[rows, 2] = values[XOR_COUNT] if floats else wrap64(state[COUNT])
        field_bits[rows, 3] = words[XOR_SUM]
        rows += 1
        bucket_start[rows] = put_buckets(
            positives, negatives, floats, steps, values, keys, bucket_start[rows - 1], bucket_key, bucket_count
        )
    return at, rows


@kernel(
    "int64(int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64, int64,"
    " uint8[::1], uint8[::1], int64[::1], uint64[::1], float64[::1], uint8[::1], uint8[::1], int64[::1], int64[::1],"
    " int32[::1], int64[::1], int64[::1], uint64[::1], int32[::1], int64[::1], int8[::1], uint8[::1], int32[::1],"
    " float64[:, ::1], uint64[:, ::1], int64[::1], int32[::1], float64[::1], float64[::1], uint64[::1], int64[::1],"
    " uint8[::1])"
)
def decode_histograms(
    addresses: Ints, sizes: Ints, buffer: Keys, start: Ints, length: Ints, encoding: Bytes, counts: Ints,
    first_ms: int, last_ms: int, stop: Bytes, scratch: Bytes, state: Ints,
    words: Words, values: Floats, leading: Bytes, windows: Bytes, steps: Ints, changes: Ints, keys: Keys,
    chunk_start: Ints, times: Ints, stale: Words, row: Keys, starts: Ints,
    schema: NDArray[np.int8], hint: Bytes, chunk: Keys, fields: Floats, field_bits: Words,
    bucket_start: Ints, bucket_key: Keys, bucket_count: Floats,
    bounds: Floats, bound_bits: Words, bound_start: Ints, status: Bytes,
) -> int:  # fmt: skip
    """Decode all chunks that count samples, trimmed to [first_ms, last_ms]; return how many histograms there are.

    Scratch for the widest layout: words, values (the same memory), leading, windows of its buckets + XOR_BUCKETS;
    steps, changes, keys of its buckets. Samples: chunk_start[c + 1] · times, stale (the bits of the marker, else 0),
    row (the histogram, -1 for a stale marker), starts. Histograms: schema, hint, chunk · fields[h, 4]: zero threshold,
    zero count, count, sum, and the same as bits · the buckets as CSR. Custom bounds of chunk c from bound_start[c] on.
    """
    at = signed64(0)
    rows = signed64(0)
    bucket_start[0] = 0
    bound_start[0] = 0
    for i in range(len(buffer)):
        chunk_start[i] = at
        bound_start[i + 1] = bound_start[i]
        if counts[i] == 0:
            continue
        if stop[0] != 0:
            status[i] = STOPPED
            continue
        data = octets_at(signed64(addresses[buffer[i]]), signed64(sizes[buffer[i]]))
        begin, octets = signed64(start[i]), signed64(length[i])
        if begin + octets + READABLE > signed64(sizes[buffer[i]]):
            copy_bytes(scratch, 0, data, begin, octets)
            data, begin = scratch, 0
        state[:] = 0
        read_layout(data, begin, begin + octets, keys, bounds, bound_bits, bound_start[i], state)
        bound_start[i + 1] = bound_start[i] + state[BOUNDS]
        at_end, rows_end = decode_chunk(
            data, begin, begin + octets, encoding[i], counts[i], i, first_ms, last_ms,
            state, words, values, leading, windows, steps, changes, keys, at, rows, times, stale, row, starts,
            schema, hint, chunk, fields, field_bits, bucket_start, bucket_key, bucket_count,
        )  # fmt: skip
        if at_end < 0:
            status[i] = CORRUPT
        else:
            at, rows = at_end, rows_end
    chunk_start[len(buffer)] = at
    return rows
