"""The head of a native histogram chunk: how many samples, which buckets, which bounds.

    count      2 bytes, big-endian                       with start times: the two top bits are the reset header
    flags      1 byte: reset header in the two top bits  with start times: known << 7 | first sample that changes
    layout     zero threshold · schema · positive spans · negative spans · bounds, where the schema is custom
    threshold  0 -> zero | 1 to 254 -> 2^(n - 244) | 255 and the 8 bytes of a float
    spans      number, then for each: length, and how many buckets lie before it (of the first: its index)
    bounds     number, then each as thousandths + 1, or 0 and the 64 bits of a float

The position is compared with the end before each field; READABLE bytes after the end must be readable.

Source: Prometheus 3.14, tsdb/chunkenc/histogram_meta.go. Format: docs/formats/chunks.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import load_bits, signed64
from promontory.kernels.compile import kernel
from promontory.kernels.histogram_bounds import CUSTOM_SCHEMA, POSITIVE
from promontory.kernels.memory import wrap64
from promontory.kernels.varbit import take_varbit, take_varbit_uint
from promontory.kernels.xor_decode import CORRUPT, OK

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Keys = NDArray[np.int32]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

HISTOGRAM_ST, FLOAT_HISTOGRAM_ST = 5, 6
HEADER_BYTES = 3
# A schema above 8 is reduced to 8 as it is read.
LEAST_SCHEMA, MOST_SCHEMA, MOST_RESERVED_SCHEMA = -9, 8, 52
# Places of `state`: what layout and samples leave behind while a chunk is read.
SCHEMA, POSITIVES, NEGATIVES, BOUNDS, LAST_INDEX, BIT, TIME, TIME_DELTA = range(8)
COUNT, COUNT_DELTA, ZEROS, ZEROS_DELTA, START, START_DIFF = range(8, 14)
STATE_SIZE = 14


@kernel("int64(octets, int64, int64, int64, int64, int64, int32[::1], int64[::1])")
def take_spans(
    data: Bytes, bit: int, last_bit: int, side: int, schema: int, first: int, keys: Keys, state: Ints
) -> int:  # fmt: skip
    """Read the spans of a side, 1 or -1; return the position after them, -1 where the bytes break the format.

    The keys of the buckets go to keys[first:] unless that is empty, their number into `state`.
    """
    word, after = take_varbit_uint(data, bit)
    bit = signed64(after)
    spans = signed64(word)
    if spans < 0 or spans > last_bit - bit:
        return -1
    shift = max(schema - MOST_SCHEMA, 0)
    count = 0
    index = 0
    for span in range(spans):
        if bit > last_bit:
            return -1
        word, after = take_varbit_uint(data, bit)
        length = signed64(word)
        offset, bit = take_varbit(data, signed64(after))
        if length < 0 or length > last_bit - count or abs(offset) > 1 << 32 or (span > 0 and offset < 0):
            return -1
        index += offset
        if abs(index) >> shift >= POSITIVE or (index + length) >> shift >= POSITIVE:
            return -1
        if schema == CUSTOM_SCHEMA and (index < 0 or side < 0):
            return -1
        if len(keys):
            for place in range(length):
                keys[first + count + place] = side * (POSITIVE + ((index + place - 1) >> shift) + 1)
        index += length
        count += length
    state[POSITIVES if side > 0 else NEGATIVES] = count
    state[LAST_INDEX] = max(index - 1, 0)
    return bit


@kernel("int64(octets, int64, int64, float64[::1], uint64[::1], int64, int64[::1])")
def take_bounds(
    data: Bytes, bit: int, last_bit: int, bounds: Floats, bound_bits: Words, first: int, state: Ints
) -> int:  # fmt: skip
    """Read custom bounds to bounds[first:] unless that is empty; return the position after them, or -1.

    bound_bits: `bounds` seen as uint64
    """
    word, after = take_varbit_uint(data, bit)
    bit = signed64(after)
    count = signed64(word)
    if count < 0 or count > last_bit - bit or state[LAST_INDEX] > count:
        return -1
    for place in range(count):
        if bit > last_bit:
            return -1
        word, after = take_varbit_uint(data, bit)
        bit = signed64(after)
        if word == wrap64(0):
            word = load_bits(data, bit)
            bit += 64
            if len(bounds):
                bound_bits[first + place] = word
        elif len(bounds):
            bounds[first + place] = signed64(word - wrap64(1)) / 1000.0
    state[BOUNDS] = count
    return bit


@kernel("int64(octets, int64, int64, int32[::1], float64[::1], uint64[::1], int64, int64[::1])")
def read_layout(
    data: Bytes, start: int, end: int, keys: Keys, bounds: Floats, bound_bits: Words, first_bound: int, state: Ints
) -> int:  # fmt: skip
    """Read the layout of a chunk in the bytes [start, end) into `state`; return a status.

    keys: the buckets' keys, positive side first, and bounds, are written unless they are empty.
    """
    position = start + HEADER_BYTES
    last_bit = end * 8
    if position >= end:
        return CORRUPT
    bit = (position + (9 if data[position] == 255 else 1)) * 8
    if bit > last_bit:
        return CORRUPT
    schema, bit = take_varbit(data, bit)
    state[SCHEMA] = schema
    if schema != CUSTOM_SCHEMA and (schema < LEAST_SCHEMA or schema > MOST_RESERVED_SCHEMA):
        return CORRUPT
    bit = take_spans(data, bit, last_bit, 1, schema, 0, keys, state)
    largest = state[LAST_INDEX]
    if bit < 0 or bit > last_bit:
        return CORRUPT
    bit = take_spans(data, bit, last_bit, -1, schema, state[POSITIVES], keys, state)
    if bit < 0 or bit > last_bit:
        return CORRUPT
    state[LAST_INDEX] = largest
    state[BOUNDS] = 0
    if schema == CUSTOM_SCHEMA:
        bit = take_bounds(data, bit, last_bit, bounds, bound_bits, first_bound, state)
        if bit < 0 or bit > last_bit:
            return CORRUPT
    state[BIT] = bit
    return OK


@kernel("uint64(octets, int64)")
def threshold_bits(data: Bytes, position: int) -> int:
    """Return the bits of the zero threshold that begins at a byte: 0, a power of two, or a float."""
    octet = wrap64(data[position])
    if octet == wrap64(0):
        return wrap64(0)
    if octet == wrap64(255):
        return load_bits(data, (position + 1) * 8)
    return wrap64((octet + wrap64(779)) << wrap64(52))


@kernel("int64(octets, int64, int64, int64)")
def count_samples(data: Bytes, start: int, end: int, encoding: int) -> int:
    """Return how many samples a chunk claims, -1 where it has no header."""
    if end - start < HEADER_BYTES:
        return -1
    high = signed64(data[start])
    if encoding in (HISTOGRAM_ST, FLOAT_HISTOGRAM_ST):
        high &= 63
    return high * 256 + signed64(data[start + 1])
