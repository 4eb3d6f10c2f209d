"""Chunk records of a segment file, and the parts of an aggregate chunk.

    record            uvarint length | 1 byte encoding | payload, length bytes | CRC32C of encoding and payload
    aggregate payload ( uvarint length, then if length > 0: 1 byte encoding, length bytes ) for count, sum, min, max,
                      counter

Source: prometheus tsdb/docs/format/chunks.md; thanos pkg/compact/downsample/aggr.go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.crc32c import crc32c
from promontory.kernels.memory import load_be32
from promontory.kernels.varint import read_uvarint

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]

RECORD_GOOD, RECORD_CUT, RECORD_BAD_CRC, RECORD_MALFORMED = 0, 1, 2, 3
LONGEST_LENGTH = 5
AGGREGATE_PARTS = 5


@kernel("void(octets, int64[::1], uint8[::1], uint8[::1], int64[::1], int64[::1])")
def check_records(
    data: Bytes, position: Offsets, status: Bytes, encoding: Bytes, start: Offsets, length: Offsets
) -> None:
    """Check the records at `position` and find their payloads; all arrays have n entries.

    A record that goes on past the data is CUT; `length` then says how many bytes it needs from its position, or 0
    where not even its length is there.
    """
    for index in range(len(position)):
        status[index], encoding[index], start[index], length[index] = check_record(data, position[index], len(data))


@kernel("void(octets, int64[::1], int64[::1], uint8[::1], uint8[::1], int64[::1], int64[::1])")
def check_bounded_records(
    data: Bytes, position: Offsets, limit: Offsets, status: Bytes, encoding: Bytes, start: Offsets, length: Offsets
) -> None:
    """Check records as `check_records` does; of each, the bytes that belong with it end at its limit, int64[n]."""
    for index in range(len(position)):
        end = min(limit[index], len(data))
        status[index], encoding[index], start[index], length[index] = check_record(data, position[index], end)


@kernel("UniTuple(int64, 4)(octets, int64, int64)")
def check_record(data: Bytes, begin: int, end: int) -> tuple[int, int, int, int]:
    """Return (status, encoding, start, length) of the record at `begin`; nothing at or past `end` is read."""
    if begin < 0 or begin >= end:
        return RECORD_CUT, 0, 0, 0
    size, after = read_uvarint(data, begin, min(end, begin + LONGEST_LENGTH))
    if after < 0 or size < 0:
        return (RECORD_CUT if end - begin < LONGEST_LENGTH else RECORD_MALFORMED), 0, 0, 0
    stop = after + 1 + size
    if stop + 4 > end:
        return RECORD_CUT, 0, 0, stop + 4 - begin
    if np.int64(crc32c(data, after, stop)) != np.int64(load_be32(data, stop)):
        return RECORD_BAD_CRC, 0, 0, 0
    return RECORD_GOOD, int(data[after]), after + 1, size


@kernel("void(octets, int64[::1], int64[::1], int64[:, :, ::1], uint8[::1])")
def split_aggregates(data: Bytes, start: Offsets, length: Offsets, parts: Offsets, broken: Bytes) -> None:
    """Find the five parts of each of n aggregate payloads inside the data.

    parts: int64[n, 5, 3] = encoding (0 where the part is absent), start, length · broken: uint8[n].
    """
    for index in range(len(start)):
        position = start[index]
        end = position + length[index]
        broken[index] = 0
        for part in range(AGGREGATE_PARTS):
            parts[index, part, 0] = 0
            parts[index, part, 1] = 0
            parts[index, part, 2] = 0
            if position == end and part == AGGREGATE_PARTS - 1:
                continue
            size, position = read_uvarint(data, position, end)
            if position < 0 or size < 0 or size > end - position - (1 if size > 0 else 0):
                broken[index] = 1
                break
            if size > 0:
                parts[index, part, 0] = data[position]
                parts[index, part, 1] = position + 1
                parts[index, part, 2] = size
                position += 1 + size
        if broken[index] == 0 and position != end:
            broken[index] = 1
