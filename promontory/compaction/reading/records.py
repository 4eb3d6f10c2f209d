"""Chunk records of several blocks, read by their refs in long runs, every checksum verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.block.segments import segment_path
from promontory.compaction.reading.local_block import LocalBlock
from promontory.errors import CorruptionError
from promontory.kernels.chunk_records import (
    RECORD_BAD_CRC,
    RECORD_CUT,
    RECORD_GOOD,
    RECORD_MALFORMED,
    check_bounded_records,
)
from promontory.kernels.chunk_windows import OFFSET_MASK, SEGMENT_SHIFT, join_spans
from promontory.model.starts import find_starts

# Bytes between two records that are read rather than skipped.
GAP_BYTES = 64 << 10

Bytes = NDArray[np.uint8]
Codes = NDArray[np.int32]
Offsets = NDArray[np.int64]

_EXPECTED = {
    RECORD_CUT: "a record that ends before the next one begins",
    RECORD_BAD_CRC: "the stored CRC",
    RECORD_MALFORMED: "a length",
}


@dataclass(frozen=True, slots=True)
class Records:
    """c chunks: the payload is data[start : start + length]; encoding uint8[c], start, length int64[c]."""

    data: Bytes
    encoding: Bytes
    start: Offsets
    length: Offsets


def read_records(blocks: Sequence[LocalBlock], block: Codes, ref: Offsets, record_bytes: Offsets) -> Records:
    """Return the records at ref int64[c] of the blocks numbered block int32[c]; on any thread.

    Raises CorruptionError where one does not fit its checksum or its place.
    """
    order = np.lexsort((ref, block))
    part, ranges = np.empty(len(order), np.int64), np.empty((len(order), 4), np.int64)
    count = join_spans(block[order], ref[order], record_bytes[order], GAP_BYTES, part, ranges)
    assert count >= 0, "records out of order"
    size = ranges[:count, 3] - ranges[:count, 2]
    begin = find_starts(size)
    data = np.empty(int(begin[-1]), np.uint8)
    for index, (number, segment, start, _) in enumerate(ranges[:count].tolist()):
        blocks[number].read_segment(segment, start, data[begin[index] : begin[index + 1]])
    range_of = np.empty(len(order), np.int64)
    range_of[order] = part
    position = begin[range_of] + (ref & OFFSET_MASK) - ranges[range_of, 2]
    status, encoding = np.empty(len(ref), np.uint8), np.empty(len(ref), np.uint8)
    starts, lengths = np.empty(len(ref), np.int64), np.empty(len(ref), np.int64)
    check_bounded_records(data, position, position + record_bytes, status, encoding, starts, lengths)
    bad = np.flatnonzero(status != RECORD_GOOD)
    if len(bad):
        first = int(bad[0])
        raise CorruptionError(
            "chunk record", source=blocks[int(block[first])].path_of(segment_path(int(ref[first]) >> SEGMENT_SHIFT)),
            offset=int(ref[first]) & OFFSET_MASK, expected=_EXPECTED[int(status[first])], found="other bytes",
        )  # fmt: skip
    return Records(data, encoding, starts, lengths)
