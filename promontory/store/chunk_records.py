"""Chunk records of many blocks read by their refs: coalesced ranges of the segment files, each record checked.

A record that turns out longer than was thought is read again by its own length. A block of which a file cannot be
read loses the records of this reading, and the error says so; the other blocks keep theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from promontory.errors import BucketError, CorruptionError
from promontory.kernels.chunk_records import RECORD_CUT, check_bounded_records
from promontory.kernels.chunk_windows import OFFSET_MASK, join_spans
from promontory.store.block_series import BlockParts
from promontory.store.chunk_windows import Window
from promontory.store.reads import ObjectRanges, Reading

UNKNOWN_RECORD_BYTES = 16_000
LONGEST_RECORD_BYTES = 16 << 20
"""A record that claims more counts as cut: a flipped bit must not fetch a whole segment."""
READS_AGAIN = 2
"""Once to learn a length that was not read, once to read that much."""

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Codes = NDArray[np.int32]
Failures = dict[int, BucketError | CorruptionError]


@dataclass(frozen=True, slots=True)
class Records:
    """c records: status, encoding uint8[c]; payloads buffers[buffer][start : start + length], int32[c], int64[c].

    `status` is one of the RECORD_ codes of promontory/kernels/chunk_records.py. `failures` are those of whole blocks,
    by their numbers; the records of these mean nothing.
    """

    status: Bytes
    encoding: Bytes
    buffer: Codes
    start: Offsets
    length: Offsets
    buffers: tuple[Bytes, ...]
    failures: Mapping[int, BucketError | CorruptionError]

    def take(self, index: Offsets) -> Records:
        """Return the records at `index`, in that order."""
        columns = {name: getattr(self, name)[index] for name in ("status", "encoding", "buffer", "start", "length")}
        return replace(self, **columns)


def read_records(window: Window, blocks: Sequence[BlockParts], *, gap_bytes: int) -> Reading[Records]:
    """Return the records of the window's chunks, whose `block` counts in `blocks`."""
    chunks, chosen = window.chunks, window.chosen
    block, ref = chunks.block[chosen], chunks.ref[chosen]
    records = yield from _read(block, ref, chunks.size[chosen], blocks, gap_bytes)
    for _ in range(READS_AGAIN):
        cut = np.flatnonzero(records.status == RECORD_CUT)
        if records.failures:
            cut = cut[~np.isin(block[cut], list(records.failures))]
        if not len(cut):
            break
        claimed = np.minimum(records.length[cut], LONGEST_RECORD_BYTES)
        sizes = np.where(claimed > 0, claimed, UNKNOWN_RECORD_BYTES)
        again = yield from _read(block[cut], ref[cut], sizes, blocks, gap_bytes)
        records = _replace_records(records, cut, again)
    return records


def _read(block: Codes, ref: Offsets, size: Offsets, blocks: Sequence[BlockParts], gap_bytes: int) -> Reading[Records]:
    """Read records that are each thought to fit in `size` bytes."""
    part, ranges = np.empty(len(ref), np.int64), np.empty((len(ref), 4), np.int64)
    count = join_spans(block, ref, size, gap_bytes, part, ranges)
    if count < 0:
        order = np.lexsort((ref, block))
        ordered = yield from _read(block[order], ref[order], size[order], blocks, gap_bytes)
        return ordered.take(np.argsort(order))
    asked, owner, is_asked, failures = _name_objects(ranges[:count], blocks)
    back = yield asked
    failures |= {owner[number]: error for number, error in back.errors.items()}
    start, length = np.zeros(count, np.int64), np.zeros(count, np.int64)
    start[is_asked], length[is_asked] = back.start, back.length
    position = start[part] + ((ref & OFFSET_MASK) - ranges[part, 2])
    return _check(back.data, position, (start + length)[part], failures)


def _name_objects(
    ranges: Offsets, blocks: Sequence[BlockParts]
) -> tuple[list[ObjectRanges], list[int], NDArray[np.bool_], Failures]:
    """Return the ranges by object, the block of each object, bool[r], what is asked, and blocks without the segment."""
    borders = np.flatnonzero(np.any(ranges[1:, :2] != ranges[:-1, :2], axis=1)) + 1
    asked, owner, failures = [], [], Failures()
    is_asked = np.ones(len(ranges), np.bool_)
    for first, last in pairwise([0, *borders.tolist(), len(ranges)] if len(ranges) else []):
        number, segment = ranges[first, :2].tolist()
        key = blocks[number].segments.get(segment)
        if key is None:
            expected, found = f"segment {segment + 1}", f"{len(blocks[number].segments)} others"
            source = f"block {blocks[number].meta.ulid}"
            failures[number] = CorruptionError("segment files", source=source, offset=0, expected=expected, found=found)
            is_asked[first:last] = False
            continue
        asked.append(ObjectRanges(key, [(start, end) for start, end in ranges[first:last, 2:].tolist()]))
        owner.append(number)
    return asked, owner, is_asked, failures


def _check(data: Bytes, position: Offsets, limit: Offsets, failures: Failures) -> Records:
    count = len(position)
    status, encoding = np.empty(count, np.uint8), np.empty(count, np.uint8)
    start, length = np.empty(count, np.int64), np.empty(count, np.int64)
    check_bounded_records(data, position, limit, status, encoding, start, length)
    return Records(status, encoding, np.zeros(count, np.int32), start, length, (data,), failures)


def _replace_records(records: Records, index: Offsets, others: Records) -> Records:
    """Return the records with those at `index` read elsewhere."""
    for name in ("status", "encoding", "start", "length"):
        getattr(records, name)[index] = getattr(others, name)
    records.buffer[index] = others.buffer + np.int32(len(records.buffers))
    failures = {**records.failures, **others.failures}
    return replace(records, buffers=records.buffers + others.buffers, failures=failures)
