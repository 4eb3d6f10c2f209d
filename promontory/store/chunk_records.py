"""Chunk records of a block read by their refs: coalesced ranges of the segment files, each record checked.

A record that turns out longer than was thought is read again by its own length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket
from promontory.errors import CorruptionError
from promontory.kernels.chunk_records import RECORD_CUT, check_records
from promontory.model.context import QueryContext
from promontory.store.byte_ranges import plan_ranges, read_plan

SEGMENT_SHIFT = 32
OFFSET_MASK = (1 << SEGMENT_SHIFT) - 1
UNKNOWN_RECORD_BYTES = 16_000
LONGEST_RECORD_BYTES = 16 << 20
"""A record that claims more counts as cut: a flipped bit must not fetch a whole segment."""
READS_AGAIN = 2
"""Once to learn a length that was not read, once to read that much."""

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Records:
    """c records: status, encoding uint8[c]; payloads buffers[buffer][start : start + length], int32[c], int64[c].

    `status` is one of the RECORD_ codes of promontory/kernels/chunk_records.py.
    """

    status: Bytes
    encoding: Bytes
    buffer: NDArray[np.int32]
    start: Offsets
    length: Offsets
    buffers: tuple[Bytes, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of one segment: which records, the part that each lies in and where in it, the parts."""

    index: Offsets
    part: Offsets
    position: Offsets
    parts: list[Bytes]


class RecordReader:
    """Reads records of one block. `segments` are the keys of its segment files by number, from 0."""

    def __init__(self, bucket: Bucket, segments: Mapping[int, str], *, source: str, gap_bytes: int) -> None:
        self._bucket = bucket
        self._segments = segments
        self._source = source
        self._gap_bytes = gap_bytes

    async def read(self, refs: Offsets, sizes: Offsets, context: QueryContext) -> Records:
        """Return the records at `refs` (int64[c]), each thought to fit in `sizes` bytes (int64[c])."""
        every = np.arange(len(refs))
        records = await context.run(_check_reads, len(refs), await self._read_spans(every, refs, sizes))
        for _ in range(READS_AGAIN):
            cut = np.flatnonzero(records.status == RECORD_CUT)
            if not len(cut):
                break
            claimed = np.minimum(records.length, LONGEST_RECORD_BYTES)
            sizes = np.where(claimed > 0, claimed, UNKNOWN_RECORD_BYTES)
            records = await context.run(_check_again, records, cut, await self._read_spans(cut, refs, sizes))
        return records

    async def _read_spans(self, chosen: Offsets, refs: Offsets, sizes: Offsets) -> list[_Read]:
        segments = refs[chosen] >> SEGMENT_SHIFT

        async def read(segment: int) -> _Read:
            return await self._read_segment(segment, chosen[segments == segment], refs, sizes)

        return await map_concurrently(read, np.unique(segments).tolist())

    async def _read_segment(self, segment: int, index: Offsets, refs: Offsets, sizes: Offsets) -> _Read:
        key = self._segments.get(segment)
        if key is None:
            expected, found = f"segment {segment + 1}", f"{len(self._segments)} others"
            raise CorruptionError("segment files", source=self._source, offset=0, expected=expected, found=found)
        offsets = refs[index] & OFFSET_MASK
        if np.any(offsets[1:] < offsets[:-1]):
            order = np.argsort(offsets, kind="stable")
            index, offsets = index[order], offsets[order]
        plan = plan_ranges(offsets, offsets + sizes[index], gap_bytes=self._gap_bytes)
        parts = await read_plan(self._bucket, key, plan)
        return _Read(index, plan.part, plan.positions(offsets), parts)


def _check_reads(count: int, reads: Sequence[_Read]) -> Records:
    records = Records(
        status=np.full(count, RECORD_CUT, np.uint8),
        encoding=np.zeros(count, np.uint8),
        buffer=np.zeros(count, np.int32),
        start=np.zeros(count, np.int64),
        length=np.zeros(count, np.int64),
        buffers=tuple(part for read in reads for part in read.parts),
    )
    first_buffer = 0
    for read in reads:
        bounds = np.searchsorted(read.part, np.arange(len(read.parts) + 1))
        for number, part in enumerate(read.parts):
            inside = slice(int(bounds[number]), int(bounds[number + 1]))
            position = np.ascontiguousarray(read.position[inside])
            size = len(position)
            status, encoding = np.empty(size, np.uint8), np.empty(size, np.uint8)
            start, length = np.empty(size, np.int64), np.empty(size, np.int64)
            check_records(part, position, status, encoding, start, length)
            index = read.index[inside]
            records.status[index], records.encoding[index] = status, encoding
            records.start[index], records.length[index] = start, length
            records.buffer[index] = first_buffer + number
        first_buffer += len(read.parts)
    return records


def _check_again(records: Records, cut: Offsets, reads: Sequence[_Read]) -> Records:
    again = _check_reads(len(records.status), reads)
    for name in ("status", "encoding", "start", "length"):
        getattr(records, name)[cut] = getattr(again, name)[cut]
    records.buffer[cut] = again.buffer[cut] + len(records.buffers)
    return Records(
        records.status, records.encoding, records.buffer, records.start, records.length,
        records.buffers + again.buffers,
    )  # fmt: skip
