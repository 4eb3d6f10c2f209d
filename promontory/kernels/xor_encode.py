"""Samples to XOR chunks, bit for bit as Prometheus' appender writes them; the layout stands in xor_decode.py.

Fields go through a 64-bit accumulator whose top `fill` bits (0 to 7) are pending; each field is added below them and
the whole accumulator is stored at the output position, which then moves by the full bytes.
Prometheus writes whole bytes before single bits and keeps a byte open after a whole one. So a chunk has a zero byte
more where its last write was of whole bytes and ended at a byte's border; readers never look at it.
Source: Prometheus 2.42 tsdb/chunkenc/xor.go. Format: docs/formats/chunks.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import count_trailing_zeros, put_uvarint, put_varint, signed64, store_be64
from promontory.kernels.compile import kernel
from promontory.kernels.memory import count_leading_zeros, wrap64

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

# Most bytes of a chunk: those of its head with the last store's overhang, and those a sample.
HEAD_ROOM = 48
SAMPLE_ROOM = 19
MOST_LEADING = 31
MOST_FIELD_BITS = 56
LOW_HALF = 0xFFFFFFFF


@kernel("UniTuple(uint64, 3)(uint8[::1], uint64, uint64, uint64, uint64, uint64)")
def put_bits(out: Bytes, at: int, pending: int, fill: int, field: int, bits: int) -> tuple[int, int, int]:
    """Add a field of 1 to 56 bits at output byte `at`; return the new (at, pending, fill)."""
    pending |= wrap64(field << (wrap64(64) - fill - bits))
    store_be64(out, signed64(at), pending)
    fill += bits
    return at + (fill >> wrap64(3)), wrap64(pending << (fill & wrap64(0x38))), fill & wrap64(7)


@kernel("UniTuple(uint64, 2)(int64)")
def choose_delta_field(change: int) -> tuple[int, int]:
    """Return (field, bits) of a delta of delta; 0 bits where it needs the form of 4 + 64 bits."""
    if change == 0:
        return wrap64(0), wrap64(1)
    if -8191 <= change <= 8192:
        return wrap64(0x8000) | wrap64(change & 0x3FFF), wrap64(16)
    if -65535 <= change <= 65536:
        return wrap64(0xC0000) | wrap64(change & 0x1FFFF), wrap64(20)
    if -524287 <= change <= 524288:
        return wrap64(0xE00000) | wrap64(change & 0xFFFFF), wrap64(24)
    return wrap64(0), wrap64(0)


@kernel("int64(int64[::1], uint64[::1], int64, int64, uint8[::1], int64)")
def encode_chunk(times: Ints, values: Words, first: int, last: int, out: Bytes, at: int) -> int:
    """Write the chunk of samples [first, last) to out[at:]; return its end. Room for the worst case is there."""
    out[at] = (last - first) >> 8
    out[at + 1] = (last - first) & 0xFF
    if first == last:
        return at + 2
    at = put_varint(out, at + 2, signed64(times[first]))
    store_be64(out, at, wrap64(values[first]))
    if last - first == 1:
        out[at + 8] = 0
        return at + 9
    at = put_uvarint(out, at + 8, wrap64(times[first + 1]) - wrap64(times[first]))
    return encode_later(times, values, first + 1, last, out, at)


@kernel("int64(int64[::1], uint64[::1], int64, int64, uint8[::1], int64)")
def encode_later(times: Ints, values: Words, second: int, last: int, out: Bytes, position: int) -> int:
    """Write all samples from the value of the second one on; return the end of the chunk."""
    at, pending, fill = wrap64(position), wrap64(0), wrap64(0)
    time = signed64(times[second])
    delta = signed64(wrap64(wrap64(time) - wrap64(times[second - 1])))
    previous = wrap64(values[second - 1])
    window_leading = window_trailing = 64
    for i in range(second, last):
        field = bits = wrap64(0)
        if i > second:
            step = signed64(wrap64(wrap64(times[i]) - wrap64(time)))
            change = signed64(wrap64(wrap64(step) - wrap64(delta)))
            time = signed64(times[i])
            delta = step
            field, bits = choose_delta_field(change)
            if bits == wrap64(0):
                high = wrap64(0xF00000000) | (wrap64(change) >> wrap64(32))
                at, pending, fill = put_bits(out, at, pending, fill, high, wrap64(36))
                field, bits = wrap64(change) & wrap64(LOW_HALF), wrap64(32)
        mixed = wrap64(values[i]) ^ previous
        previous = wrap64(values[i])
        if mixed == wrap64(0):
            at, pending, fill = put_bits(out, at, pending, fill, field << wrap64(1), bits + wrap64(1))
            continue
        leading = min(signed64(count_leading_zeros(mixed)), MOST_LEADING)
        trailing = signed64(count_trailing_zeros(mixed))
        if leading >= window_leading and trailing >= window_trailing:
            field = (field << wrap64(2)) | wrap64(2)
            bits += wrap64(2)
        else:
            window_leading, window_trailing = leading, trailing
            head = 3 << 11 | leading << 6 | ((64 - leading - trailing) & 63)
            field = (field << wrap64(13)) | wrap64(head)
            bits += wrap64(13)
        at, pending, fill = put_bits(out, at, pending, fill, field, bits)
        size = wrap64(64 - window_leading - window_trailing)
        mixed >>= wrap64(window_trailing)
        if size > MOST_FIELD_BITS:
            # The high bits first, so that the rest fits below the pending ones.
            at, pending, fill = put_bits(out, at, pending, fill, mixed >> wrap64(32), size - wrap64(32))
            mixed, size = mixed & wrap64(LOW_HALF), wrap64(32)
        at, pending, fill = put_bits(out, at, pending, fill, mixed, size)
    end = signed64(at)
    if fill:
        return end + 1
    if values[last - 1] != values[last - 2] and (window_leading + window_trailing) % 8 == 0:
        out[end] = 0
        return end + 1
    return end


@kernel("void(int64[::1], uint64[::1], int64[::1], uint8[::1], int64[::1])")
def encode_chunks(times: Ints, values: Words, chunk_start: Ints, out: Bytes, position: Ints) -> None:
    """Write chunk c of samples chunk_start[c] .. chunk_start[c + 1] to out[position[c] : position[c + 1]].

    `out` has SAMPLE_ROOM bytes a sample and HEAD_ROOM a chunk.
    """
    at = signed64(0)
    for i in range(len(chunk_start) - 1):
        position[i] = at
        at = encode_chunk(times, values, signed64(chunk_start[i]), signed64(chunk_start[i + 1]), out, at)
    position[len(chunk_start) - 1] = at
