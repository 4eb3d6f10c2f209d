"""All series of a local block in the order of its index, some at a time, every entry's checksum verified.

The section of series is walked from its start to its end, so no list of postings is needed; an entry that goes on past
a piece is read again with the next one. In memory is one piece: 256 KiB of entries, or one entry that is larger.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_layout import SERIES_ALIGNMENT
from promontory.block.meta import INDEX_FILE
from promontory.block.segments import segment_path
from promontory.compaction.reading.local_block import LocalBlock
from promontory.compaction.reading.series_batch import SeriesBatch
from promontory.errors import CorruptionError
from promontory.kernels.block_checks import find_entry_ends, walk_entries
from promontory.kernels.chunk_windows import OFFSET_MASK, SEGMENT_SHIFT
from promontory.kernels.index import (
    ENTRY_GOOD,
    LONGEST_ENTRY_BYTES,
    measure_series,
    parse_chunk_entries,
    parse_series,
)
from promontory.kernels.varint import read_uvarint
from promontory.model.label_rows import LabelRows
from promontory.model.starts import find_starts
from promontory.model.time_range import MAX_TIME_MS, MIN_TIME_MS

PIECE_BYTES = 256 << 10
# A step from one record to the next that is larger is not believed to be one record.
MOST_STEP_BYTES = 64 << 10
RECORD_HEAD_BYTES = 10
RECORD_TAIL_BYTES = 5

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


def read_series(block: LocalBlock) -> Iterator[SeriesBatch]:
    """Yield the series of a block. Raises CorruptionError where an entry is broken or out of order."""
    position, end = block.toc.series, block.toc.series_end
    position += -position % SERIES_ALIGNMENT
    size = PIECE_BYTES
    before: LabelRows | None = None
    while position < end:
        data = block.read_index(position, min(position + size, end))
        refs = np.empty(len(data) // SERIES_ALIGNMENT + 1, np.int64)
        refs = refs[: walk_entries(data, 0, len(data), SERIES_ALIGNMENT, refs)]
        if not len(refs):
            if position + size >= end or size > LONGEST_ENTRY_BYTES:
                raise _broken(block, position, "an entry inside the section", "none")
            size *= 2
            continue
        entry_end = np.empty(1, np.int64)
        find_entry_ends(data, refs[-1:] * SERIES_ALIGNMENT, len(data), entry_end)
        batch = _parse(block, data, refs, origin=position)
        _check_order(block, batch, before)
        before = batch.labels.slice(len(batch) - 1, len(batch))
        yield batch
        position += int(entry_end[0])
        position += -position % SERIES_ALIGNMENT
        size = PIECE_BYTES


def _parse(block: LocalBlock, data: Bytes, refs: Offsets, *, origin: int) -> SeriesBatch:
    """Return the series of the entries at `refs` (of 16 bytes) in data, whose first byte is at `origin`."""
    count, place = len(refs), refs * SERIES_ALIGNMENT
    status, pairs = np.empty(count, np.uint8), np.empty(count, np.int64)
    measure_series(data, place, np.full(count, len(data)), status, pairs)
    row_start = find_starts(pairs)
    labels, counts = np.zeros((2, int(row_start[-1])), np.int64), np.empty(count, np.int64)
    span = (MIN_TIME_MS, MAX_TIME_MS)
    parse_series(data, place, status, row_start, len(block.codes), *span, labels, counts)
    bad = np.flatnonzero(status != ENTRY_GOOD)
    if len(bad):
        raise _broken(block, origin + int(place[bad[0]]), "an entry that fits its CRC and its format", "another")
    chunk_start = find_starts(counts)
    size = int(chunk_start[-1])
    row, (low, high, ref) = np.empty(size, np.int32), np.empty((3, size), np.int64)
    parse_chunk_entries(data, place, chunk_start, *span, row, low, high, ref)
    rows = LabelRows(row_start, block.codes[labels[0]], block.codes[labels[1]], block.symbols).without_empty()
    series_ref = refs + origin // SERIES_ALIGNMENT
    return SeriesBatch(rows, series_ref, chunk_start, low, high, ref, _measure_records(block, ref))


def _measure_records(block: LocalBlock, ref: Offsets) -> Offsets:
    """Return int64[c]: bytes from each ref that hold its record, up to the next one where that is near."""
    size = np.zeros(len(ref), np.int64)
    step = np.diff(ref)
    near = (step > 0) & (step <= MOST_STEP_BYTES) & (ref[1:] >> SEGMENT_SHIFT == ref[:-1] >> SEGMENT_SHIFT)
    size[:-1][near] = step[near]
    for place in np.flatnonzero(size == 0).tolist():
        size[place] = _measure_record(block, int(ref[place]))
    return size


def _measure_record(block: LocalBlock, ref: int) -> int:
    """Return the bytes of a record as it says itself."""
    number, offset = ref >> SEGMENT_SHIFT, ref & OFFSET_MASK
    room = block.segment_bytes[number] - offset if number < len(block.segment_bytes) else 0
    head = np.empty(min(RECORD_HEAD_BYTES, max(room, 0)), np.uint8)
    if len(head):
        block.read_segment(number, offset, head)
        length, after = read_uvarint(head, 0, len(head))
        size = length + after + RECORD_TAIL_BYTES
        if after > 0 and length >= 0 and size <= room:
            return size
    raise CorruptionError(
        "chunk record", source=block.path_of(segment_path(number)), offset=offset,
        expected="a record inside the segment", found=f"{max(room, 0)} bytes",
    )  # fmt: skip


def _check_order(block: LocalBlock, batch: SeriesBatch, before: LabelRows | None) -> None:
    labels = batch.labels
    late = labels.find_descent()
    if before is not None and before.compare(0, labels, 0) >= 0:
        late = 0
    if late == len(labels):
        equal = np.flatnonzero(labels.equal_neighbours())
        late = int(equal[0]) if len(equal) else late
    if late < len(labels):
        offset = int(batch.series_ref[late]) * SERIES_ALIGNMENT
        raise _broken(block, offset, "series each once and in order", f"{labels.labels(late)} too late")


def _broken(block: LocalBlock, offset: int, expected: str, found: str) -> CorruptionError:
    source = block.path_of(INDEX_FILE)
    return CorruptionError("series section", source=source, offset=offset, expected=expected, found=found)
