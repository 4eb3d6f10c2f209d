"""Writing chunks into a block: where samples are cut into chunks, and the records of a segment file.

    record    uvarint length | 1 byte encoding | payload, length bytes | CRC32C of encoding and payload

Source: prometheus tsdb/docs/format/chunks.md; the counts of aggregate chunks: thanos pkg/compact/downsample/aggr.go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import octets_at, put_uvarint, signed64, store_be32, take_uvarint
from promontory.kernels.compile import kernel
from promontory.kernels.copy import copy_bytes
from promontory.kernels.crc32c import crc32c
from promontory.kernels.memory import wrap64

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

# Most bytes of a record besides its payload.
RECORD_ROOM = 15
AGGREGATES_ENCODING = 0xFF
FLOATS, HISTOGRAMS, START_TIME_HISTOGRAMS = (1, 4), (2, 3, 5, 6), (5, 6)
# Bytes that are read to count an aggregate chunk: its first length, an encoding and a sample count.
LONGEST_HEAD = 13
MOST_TIME_MS = 2**63 - 1


@kernel("int64(int64[::1], int64[::1])")
def find_late_sample(row_start: Ints, times: Ints) -> int:
    """Return the first sample that is not later than the one before it in its row, -1 where there is none."""
    for row in range(len(row_start) - 1):
        for i in range(signed64(row_start[row]) + 1, signed64(row_start[row + 1])):
            if times[i] <= times[i - 1]:
                return i
    return -1


@kernel("int64(int64[::1], int64[::1], int64, int64, int32[::1], int64[::1])")
def cut_chunks(
    row_start: Ints, times: Ints, range_ms: int, most_samples: int, row: NDArray[np.int32], chunk_start: Ints
) -> int:
    """Cut each row where a range aligned to `range_ms` ends and after `most_samples`; return how many chunks.

    Times rise within rows; the arrays have room for a chunk every `most_samples` and one a row and range.
    """
    count = 0
    for series in range(len(row_start) - 1):
        last_ms = signed64(0)
        first = signed64(0)
        for i in range(signed64(row_start[series]), signed64(row_start[series + 1])):
            time = signed64(times[i])
            enters = i == row_start[series] or time > last_ms
            if enters:
                # The range's own start or end may lie outside of int64.
                left_ms = range_ms - 1 - time % range_ms
                last_ms = time + left_ms if time <= MOST_TIME_MS - left_ms else signed64(MOST_TIME_MS)
            if enters or i - first == most_samples:
                first = i
                row[count] = series
                chunk_start[count] = i
                count += 1
    chunk_start[count] = row_start[len(row_start) - 1]
    return count


@kernel("int64(octets, int64, int64, uint8)")
def count_samples(data: Bytes, start: int, length: int, encoding: int) -> int:
    """Return how many samples a chunk says it has; those of the count of an aggregate chunk, 0 where it has none."""
    if encoding == AGGREGATES_ENCODING:
        if length < LONGEST_HEAD:
            return 0
        size, after = take_uvarint(data, start)
        start = signed64(after) + 1
        if size == wrap64(0):
            return 0
    elif length < 2:
        return 0
    high = signed64(data[start])
    if encoding in START_TIME_HISTOGRAMS:
        high &= 63  # the two top bits are the reset header
    return high * 256 + signed64(data[start + 1])


@kernel(
    "UniTuple(int64, 3)(int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], uint8[::1], uint8[::1], int64[::1])"
)
def write_records(
    addresses: Ints,
    sizes: Ints,
    buffer: NDArray[np.int32],
    start: Ints,
    length: Ints,
    encoding: Bytes,
    out: Bytes,
    position: Ints,
) -> tuple[int, int, int]:
    """Write chunk i as the record out[position[i] : position[i + 1]]; return how many samples they claim.

    Those are samples of all chunks, of floats and of histograms; aggregates are neither, as in Prometheus' meta.json.

    The caller has checked that the chunks lie in their buffers, and gives RECORD_ROOM bytes a chunk beside payloads.
    """
    at = signed64(0)
    samples, floats, histograms = signed64(0), signed64(0), signed64(0)
    for i in range(len(buffer)):
        data = octets_at(signed64(addresses[buffer[i]]), signed64(sizes[buffer[i]]))
        begin = signed64(start[i])
        size = signed64(length[i])
        position[i] = at
        held = count_samples(data, begin, size, encoding[i])
        samples += held
        floats += held if encoding[i] in FLOATS else 0
        histograms += held if encoding[i] in HISTOGRAMS else 0
        at = put_uvarint(out, at, wrap64(size))
        out[at] = encoding[i]
        copy_bytes(out, at + 1, data, begin, size)
        store_be32(out, at + 1 + size, crc32c(out, at, at + 1 + size))
        at += size + 5
    position[len(buffer)] = at
    return samples, floats, histograms
