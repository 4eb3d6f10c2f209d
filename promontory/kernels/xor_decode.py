"""XOR chunks to samples.

    count       2 bytes, big-endian
    sample 0    timestamp varint, value 64 bits
    sample 1    timestamp delta uvarint, value
    sample i    delta of delta, value
    delta of delta      0 -> 0 | 10 + 14 bits | 110 + 17 bits | 1110 + 20 bits | 1111 + 64 bits
    value       0 -> the value before | 10 + the bits of the window before
                | 11 + 5 bits leading zeros + 6 bits size (0 is 64) + the bits of the new window

A field is one unaligned 64-bit load and shifts; the prefixes that are common are compared with. The position is
compared with the end once a sample: a sample takes at most 19 bytes, so a chunk is decoded in place where PADDING
bytes may be read after its end, else from a copy. Bad bytes are a status. A chunk whose time goes back is bad; equal
timestamps are not (Thanos' counter aggregates end with one).
Source: Prometheus 2.42 tsdb/chunkenc/xor.go; Pelkonen and others, "Gorilla", VLDB 2015, section 4.1.
Format: docs/formats/chunks.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import load_bits, octets_at, signed64, take_uvarint
from promontory.kernels.compile import kernel
from promontory.kernels.copy import copy_bytes
from promontory.kernels.memory import count_leading_zeros, load_be64, wrap64

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

OK = 0
CORRUPT = 1
UNSUPPORTED = 2
STOPPED = 3

XOR_ENCODING = 1
PADDING = 32
# Fewest bytes of a chunk of one and of two samples.
ONE_SAMPLE_BYTES = 11
TWO_SAMPLES_BYTES = 13
# Bits of a delta of delta by the ones before it (2 and 3), a byte each.
DELTA_BITS = 0x14110000
# Those of 14 bits count from -(2**13 - 1) on.
SMALL_BIAS = (1 << 13) - 1
SMALL_MASK = (1 << 14) - 1
TOP_BIT = 1 << 63
# 65,535 deltas below this stay below 2**63: then the last time shows whether int64 overflowed.
LARGE_DELTA = 1 << 47
TOP_BITS = 3 << 62
FOUR_BITS = 15 << 60


@kernel("int64(octets, int64, int64)")
def count_claimed(data: Bytes, start: int, end: int) -> int:
    """Return how many samples an XOR chunk claims, -1 where its bytes cannot hold them."""
    size = end - start
    if size < 2:
        return -1
    count = signed64(data[start]) * 256 + signed64(data[start + 1])
    if count == 0:
        return 0
    if count == 1:
        return 1 if size >= ONE_SAMPLE_BYTES else -1
    # The second sample takes a byte and a bit, each later one at least two bits.
    if size < TWO_SAMPLES_BYTES or 97 + 2 * (count - 2) > 8 * size:
        return -1
    return count


@kernel("uint8(octets, int64, int64, int64, int64[::1], uint64[::1], int64)")
def decode_chunk(data: Bytes, start: int, end: int, count: int, times: Ints, values: Words, at: int) -> int:
    """Decode `count` > 0 samples to times[at:] and values[at:]; PADDING bytes after `end` are readable."""
    word, after = take_uvarint(data, start + 2)
    position = signed64(after)
    time = signed64(word >> wrap64(1))
    if word & wrap64(1):
        time = ~time
    times[at] = time
    values[at] = load_be64(data, position)
    position += 8
    if position > end:
        return CORRUPT
    if count == 1:
        return OK
    word, after = take_uvarint(data, position)
    return decode_later(data, signed64(after) * 8, end * 8, signed64(word), times, values, at, at + count)


@kernel("uint8(octets, int64, int64, int64, int64[::1], uint64[::1], int64, int64)")
def decode_later(
    data: Bytes, bit: int, last_bit: int, delta: int, times: Ints, values: Words, first: int, end: int
) -> int:
    """Decode all samples after the one at `first`; `bit` is where the second one's value begins."""
    time = signed64(times[first])
    value = wrap64(values[first])
    window_shift = wrap64(0)
    window_bits = 64
    backwards = delta
    word = wrap64(load_be64(data, bit >> 3) << wrap64(bit & 7))
    for i in range(first + 1, end):
        time = signed64(wrap64(time) + wrap64(delta))
        if word >= TOP_BIT:
            if word >= TOP_BITS:
                leading = signed64((word >> wrap64(57)) & wrap64(31))
                window_bits = signed64((word >> wrap64(51)) & wrap64(63))
                if window_bits == 0:
                    window_bits = 64
                if leading + window_bits > 64:
                    return CORRUPT
                window_shift = wrap64(64 - leading - window_bits)
                bit += 13
            else:
                bit += 2
            word = wrap64(load_be64(data, bit >> 3) << wrap64(bit & 7))
            if window_bits > 57:
                word |= wrap64(data[wrap64((bit >> 3) + 8)]) >> wrap64(8 - (bit & 7))
            value ^= wrap64((word >> wrap64(64 - window_bits)) << window_shift)
            bit += window_bits
        else:
            bit += 1
        times[wrap64(i)] = time
        values[wrap64(i)] = value
        if bit > last_bit or i + 1 == end:
            break
        word = wrap64(load_be64(data, bit >> 3) << wrap64(bit & 7))
        # Sizes that are constants keep the place of the next field out of the arithmetic on this one.
        if word < TOP_BIT:
            bit += 1
            word = wrap64(word << wrap64(1))
        elif word < TOP_BITS:
            raised = signed64(wrap64(word >> wrap64(48)) + wrap64(SMALL_BIAS)) & SMALL_MASK
            delta = signed64(delta + raised - SMALL_BIAS)
            bit += 16
            word = wrap64(word << wrap64(16))
        elif word < FOUR_BITS:
            ones = signed64(count_leading_zeros(wrap64(~word)))
            size = (DELTA_BITS >> (8 * ones)) & 31
            change = signed64(wrap64(word << wrap64(ones + 1)) >> wrap64(64 - size))
            if change > 1 << (size - 1):
                change -= 1 << size
            delta = signed64(delta + change)
            bit += size + ones + 1
            word = wrap64(word << wrap64(size + ones + 1))
        else:
            delta = signed64(wrap64(delta) + load_bits(data, bit + 4))
            bit += 68
            word = wrap64(load_be64(data, bit >> 3) << wrap64(bit & 7))
        backwards |= delta
    if bit > last_bit or time < times[first]:
        return CORRUPT
    # A negative delta is time that goes back, or one of 2**63 and more.
    suspect = backwards < 0 or backwards >= LARGE_DELTA
    return CORRUPT if suspect and falls(times, first, end) else OK


@kernel("boolean(int64[::1], int64, int64)")
def falls(times: Ints, start: int, end: int) -> bool:
    """Say whether the times of [start, end) fall somewhere."""
    fallen = False
    for i in range(start + 1, end):
        fallen = fallen or times[i] < times[i - 1]
    return fallen


@kernel(
    "int64(int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1],"
    " int64, int64, int64[::1], uint8[::1])"
)
def count_chunks(
    addresses: Ints,
    sizes: Ints,
    buffer: NDArray[np.int32],
    start: Ints,
    length: Ints,
    encoding: Bytes,
    min_ms: Ints,
    max_ms: Ints,
    first_ms: int,
    last_ms: int,
    counts: Ints,
    status: Bytes,
) -> int:
    """Fill counts[c] and status[c]; return the size of the scratch copy that `decode_chunks` needs.

    A chunk that is bad, of another encoding or outside [first_ms, last_ms] counts no samples.
    """
    scratch_bytes = signed64(0)
    for i in range(len(buffer)):
        counts[i] = 0
        status[i] = OK
        if encoding[i] != XOR_ENCODING:
            status[i] = UNSUPPORTED
            continue
        if max_ms[i] < first_ms or min_ms[i] > last_ms:
            continue
        status[i] = CORRUPT
        size = signed64(sizes[buffer[i]])
        if start[i] < 0 or length[i] < 0 or start[i] > size or length[i] > size - start[i]:
            continue
        end = signed64(start[i] + length[i])
        count = count_claimed(octets_at(signed64(addresses[buffer[i]]), size), signed64(start[i]), end)
        if count >= 0:
            counts[i] = count
            status[i] = OK
            if end + PADDING > size:
                scratch_bytes = max(scratch_bytes, signed64(length[i]) + PADDING)
    return scratch_bytes


@kernel(
    "int64(int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], int64[::1], int64, int64, octets,"
    " uint8[::1], int64[::1], int64[::1], uint64[::1], uint8[::1])"
)
def decode_chunks(
    addresses: Ints,
    sizes: Ints,
    buffer: NDArray[np.int32],
    start: Ints,
    length: Ints,
    counts: Ints,
    first_ms: int,
    last_ms: int,
    stop: Bytes,
    scratch: Bytes,
    chunk_start: Ints,
    times: Ints,
    values: Words,
    status: Bytes,
) -> int:
    """Decode all chunks that count samples, one after the other, trimmed to [first_ms, last_ms].

    Fills chunk_start[c + 1] and returns how many samples were kept. Once `stop` is set no more chunks are decoded.
    """
    at = signed64(0)
    for i in range(len(buffer)):
        chunk_start[i] = at
        count = signed64(counts[i])
        if count == 0:
            continue
        if stop[0] != 0:
            status[i] = STOPPED
            continue
        size = signed64(sizes[buffer[i]])
        data = octets_at(signed64(addresses[buffer[i]]), size)
        begin = signed64(start[i])
        end = begin + signed64(length[i])
        if end + PADDING > size:
            copy_bytes(scratch, 0, data, begin, end - begin)
            status[i] = decode_chunk(scratch, 0, end - begin, count, times, values, at)
        else:
            status[i] = decode_chunk(data, begin, end, count, times, values, at)
        if status[i] == OK:
            at = trim_chunk(times, values, at, at + count, first_ms, last_ms)
    chunk_start[len(buffer)] = at
    return at


@kernel("int64(int64[::1], uint64[::1], int64, int64, int64, int64)")
def trim_chunk(times: Ints, values: Words, start: int, end: int, first_ms: int, last_ms: int) -> int:
    """Keep the samples of [start, end) within [first_ms, last_ms], moved to `start`; return their new end."""
    while end > start and times[end - 1] > last_ms:
        end -= 1
    low = start
    while low < end and times[low] < first_ms:
        low += 1
    if low > start:
        for i in range(low, end):
            times[start + i - low] = times[i]
            values[start + i - low] = values[i]
    return start + end - low
