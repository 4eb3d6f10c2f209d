"""XOR2 chunks to samples with start times.

    count      2 bytes, big-endian
    flags      1 byte: first start time known << 7 | first sample whose start time differs
    sample 0   timestamp varint, value 64 bits; timestamp - start varint, where it is known
    sample 1   timestamp delta uvarint, value
    sample i   0 -> same delta, same value | 10 -> same delta, changed value | 110 + 13 bits delta of delta, value
               | 1110 + 20 bits, value | 11110 + 64 bits, value | 11111 -> same delta, stale marker
    value      0 -> the value before | 10 + the bits of the window before | 110 + 5 bits leading zeros + 6 bits size
               (0 is 64) + the bits of the new window | 111 -> stale marker
    changed    0 + the bits of the window before | 1 + a new window
    start      behind each sample from the first that differs: timestamp before - start, as varbit, from the second one
               on as its change

A stale marker leaves the value that later ones are XORed with. The position is compared with the end once a sample;
READABLE bytes after the end must be readable, else a chunk is decoded from a copy.
Source: Prometheus 3.14, tsdb/chunkenc/xor2.go. Format: docs/formats/chunks.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import load_bits, octets_at, signed64, take_uvarint
from promontory.kernels.compile import kernel
from promontory.kernels.copy import copy_bytes
from promontory.kernels.memory import count_leading_zeros, wrap64
from promontory.kernels.varbit import READABLE, peek_bits, take_varbit, take_varint_at
from promontory.kernels.windows import STALE_BITS
from promontory.kernels.xor_decode import CORRUPT, OK, STOPPED, UNSUPPORTED

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

XOR2 = 4
HEADER_BYTES = 3
# Places of `window`: the XORed value and its last window.
VALUE, LEADING, SIZE = range(3)
CHANGE_BITS = 0x40140D  # of the delta of delta after 110, 1110 and 11110, a byte each


@kernel("int64(octets, int64, uint64[::1], int64)")
def take_window(data: Bytes, bit: int, window: Words, new: int) -> int:
    """Move the value on by the bits of a window, a new one first if `new`; return the position after them, or -1."""
    if new:
        zeros = peek_bits(data, bit, 5)
        size = peek_bits(data, bit + 5, 6)
        if size == wrap64(0):
            size = wrap64(64)
        if zeros + size > wrap64(64):
            return -1
        window[LEADING] = zeros
        window[SIZE] = size
        bit += 11
    width = signed64(window[SIZE])
    shift = 64 - signed64(window[LEADING]) - width
    window[VALUE] ^= wrap64(peek_bits(data, bit, width) << wrap64(shift))
    return bit + width


@kernel("int64(octets, int64, int64, uint64[::1], int64[::1], uint64[::1], int64[::1])")
def decode_chunk(data: Bytes, start: int, end: int, window: Words, times: Ints, values: Words, starts: Ints) -> int:
    """Decode the samples of the chunk in the bytes [start, end), as many as `times` has; return a status."""
    count = len(times)
    flags = signed64(data[start + 2])
    changes_at = flags & 127
    last_bit = end * 8
    window[LEADING] = 0
    window[SIZE] = 64
    time_ms, bit = take_varint_at(data, (start + HEADER_BYTES) * 8)
    value = load_bits(data, bit)
    window[VALUE] = value if value != wrap64(STALE_BITS) else wrap64(0)
    bit += 64
    start_ms = signed64(0)
    difference = signed64(0)
    if flags >= 128:
        difference, bit = take_varint_at(data, bit)
        start_ms = signed64(wrap64(time_ms) - wrap64(difference))
    if bit > last_bit:
        return CORRUPT
    times[0], values[0], starts[0] = time_ms, value, start_ms
    delta = signed64(0)
    for number in range(1, count):
        before_ms = time_ms
        is_stale = False
        has_value = True
        known = False
        if number == 1:
            word, after = take_uvarint(data, bit >> 3)
            delta = signed64(word)
            bit = signed64(after) * 8
        else:
            ones = min(signed64(count_leading_zeros(wrap64(~load_bits(data, bit)))), 5)
            bit += min(ones + 1, 5)
            if ones >= 2 and ones < 5:
                size = (CHANGE_BITS >> (8 * (ones - 2))) & 255
                change = peek_bits(data, bit, size)
                if size < 64 and change >= wrap64(1 << (size - 1)):
                    change = wrap64(change - wrap64(1 << size))
                delta = signed64(wrap64(delta) + change)
                bit += size
            is_stale = ones == 5
            known = ones == 1
            has_value = ones > 1 and ones < 5
        time_ms = signed64(wrap64(time_ms) + wrap64(delta))
        if has_value:
            ones = min(signed64(count_leading_zeros(wrap64(~load_bits(data, bit)))), 3)
            bit += min(ones + 1, 3)
            is_stale = ones == 3
            if ones == 1 or ones == 2:
                bit = take_window(data, bit, window, ones - 1)
        elif known:
            bit = take_window(data, bit + 1, window, signed64(peek_bits(data, bit, 1)))
        if bit < 0:
            return CORRUPT
        if changes_at > 0 and number >= changes_at:
            change_ms, bit = take_varbit(data, bit)
            difference = change_ms if number == changes_at else signed64(wrap64(difference) + wrap64(change_ms))
            start_ms = signed64(wrap64(before_ms) - wrap64(difference))
        if bit > last_bit or time_ms < before_ms:
            return CORRUPT
        times[number] = time_ms
        values[number] = wrap64(STALE_BITS) if is_stale else window[VALUE]
        starts[number] = start_ms
    return OK


@kernel("int64(octets, int64, int64)")
def count_claimed(data: Bytes, start: int, end: int) -> int:
    """Return how many samples a chunk claims, -1 where its bytes cannot hold them: one needs nine bytes, more a bit."""
    size = end - start
    if size < HEADER_BYTES:
        return -1
    count = signed64(data[start]) * 256 + signed64(data[start + 1])
    if count > 0 and (size < HEADER_BYTES + 9 or count > (size - HEADER_BYTES) * 8):
        return -1
    return count


@kernel(
    "int64(int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1],"
    " int64, int64, int64[::1], uint8[::1])"
)
def count_chunks(
    addresses: Ints, sizes: Ints, buffer: NDArray[np.int32], start: Ints, length: Ints, encoding: Bytes,
    min_ms: Ints, max_ms: Ints, first_ms: int, last_ms: int, counts: Ints, status: Bytes,
) -> int:  # fmt: skip
    """Fill counts[c] and status[c]; return how many bytes the longest chunk that counts samples has.

    A chunk that is bad, of another encoding or outside [first_ms, last_ms] counts no samples.
    """
    longest = signed64(0)
    for i in range(len(buffer)):
        counts[i] = 0
        status[i] = OK
        if encoding[i] != XOR2:
            status[i] = UNSUPPORTED
            continue
        if max_ms[i] < first_ms or min_ms[i] > last_ms:
            continue
        status[i] = CORRUPT
        size = signed64(sizes[buffer[i]])
        begin, octets = signed64(start[i]), signed64(length[i])
        if begin < 0 or octets < 0 or begin > size or octets > size - begin:
            continue
        count = count_claimed(octets_at(signed64(addresses[buffer[i]]), size), begin, begin + octets)
        if count >= 0:
            counts[i] = count
            status[i] = OK
            longest = max(longest, octets)
    return longest


@kernel(
    "int64(int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], int64[::1], int64, int64, uint8[::1],"
    " uint8[::1], uint64[::1], int64[::1], int64[::1], uint64[::1], int64[::1], uint8[::1])"
)
def decode_chunks(
    addresses: Ints, sizes: Ints, buffer: NDArray[np.int32], start: Ints, length: Ints, counts: Ints,
    first_ms: int, last_ms: int, stop: Bytes, scratch: Bytes, window: Words,
    chunk_start: Ints, times: Ints, values: Words, starts: Ints, status: Bytes,
) -> int:  # fmt: skip
    """Decode all chunks that count samples, trimmed to [first_ms, last_ms]; return how many samples were kept.

    scratch: the longest chunk + READABLE · window: uint64[3] · fills chunk_start[c + 1]
    """
    at = signed64(0)
    for i in range(len(buffer)):
        chunk_start[i] = at
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
        room = slice(at, at + counts[i])
        status[i] = decode_chunk(data, begin, begin + octets, window, times[room], values[room], starts[room])
        if status[i] != OK:
            continue
        first = at
        for place in range(first, first + counts[i]):
            if times[place] >= first_ms and times[place] <= last_ms:
                times[at], values[at], starts[at] = times[place], values[place], starts[place]
                at += 1
    chunk_start[len(buffer)] = at
    return at
