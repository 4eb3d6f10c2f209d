"""The chunks of many blocks' series, planned in windows of rows.

    merged rows  ->  batches (about 65,536 chunks: their times, refs and bounded sizes, block by block)
                 ->  windows (about `window_bytes` of records: which chunks of which block)

All blocks go in step, so a window holds whole series, and what is in memory does not grow with the number of blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.chunk_windows import choose_chunks
from promontory.store.merged_series import MergedSeries

RECORD_BYTES = 16_000
"""What a chunk record is taken to need where its end is not known, as in Thanos."""
BATCH_CHUNKS = 1 << 16

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ChunkRefs:
    """c chunks, block by block and by row in each: where they are and what the index says of them.

    block, row, source int32[c] · min_ms, max_ms, ref, size, series_ref int64[c] · size: bytes that hold the record,
    as far as is known · ref: segment << 32 | offset
    """

    block: Codes
    row: Codes
    source: Codes
    min_ms: Offsets
    max_ms: Offsets
    ref: Offsets
    size: Offsets
    series_ref: Offsets

    def __len__(self) -> int:
        return len(self.row)

    def take(self, index: Offsets) -> ChunkRefs:
        """Return the chunks at `index`, in that order."""
        return ChunkRefs(*(getattr(self, name)[index] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Window:
    """The merged rows [first, last) and their chunks, `row` counting from `first`."""

    first: int
    last: int
    chunks: ChunkRefs


def plan_windows(merged: MergedSeries, alive: Bytes, *, window_bytes: int) -> Iterator[Window]:
    """Yield the rows in windows; of members whose `alive`, uint8[members], is 0 by then, no chunks."""
    before = merged.chunks_before
    first = 0
    while first < len(merged):
        last = int(np.searchsorted(before, before[first] + BATCH_CHUNKS, side="right")) - 1
        last = max(last, first + 1)
        chunks, block_start = _read_batch(merged, first, last)
        held = np.zeros(last - first + 1, np.int64)
        held[1:] = np.cumsum(np.bincount(chunks.row, weights=chunks.size, minlength=last - first))
        low = 0
        while low < last - first:
            high = int(np.searchsorted(held, held[low] + window_bytes, side="right")) - 1
            high = max(high, low + 1)
            room = int(before[first + high] - before[first + low])
            chosen = np.empty(room, np.int64)
            count = choose_chunks(block_start, chunks.row, alive, low, high, chosen)
            part = chunks.take(chosen[:count])
            np.subtract(part.row, np.int32(low), out=part.row)
            yield Window(first + low, first + high, part)
            low = high
        first = last


def _read_batch(merged: MergedSeries, first: int, last: int) -> tuple[ChunkRefs, Offsets]:
    """Return the chunks of the rows [first, last), `row` counting from `first`, and where each member's begin."""
    size = int(merged.chunks_before[last] - merged.chunks_before[first])
    block, row, source = (np.empty(size, np.int32) for _ in range(3))
    low, high, ref, bound, series_ref = (np.empty(size, np.int64) for _ in range(5))
    block_start = np.zeros(len(merged.members) + 1, np.int64)
    begin = 0
    for number, member in enumerate(merged.members):
        series = member.series
        start, end = member.find(first, last)
        entries = series.rows.read_chunks(start, end)
        span = slice(begin, begin + len(entries))
        rows = np.arange(start, end, dtype=np.int32) if member.row is None else member.row[start:end]
        block[span] = number
        row[span] = rows[entries.row] - np.int32(first)
        source[span] = series.source[start:end][entries.row]
        series_ref[span] = series.rows.series_ref[start:end][entries.row]
        low[span], high[span], ref[span] = entries.min_ms, entries.max_ms, entries.ref
        bound[span] = bound_records(entries.ref, record_bytes=series.block.record_bytes or RECORD_BYTES)
        begin = span.stop
        block_start[number + 1] = begin
    return ChunkRefs(block, row, source, low, high, ref, bound, series_ref), block_start


def bound_records(refs: Offsets, *, record_bytes: int) -> Offsets:
    """Return int64[c]: bytes that hold each record, as far as the next one's place or the longest one tells."""
    size = np.full(len(refs), record_bytes, np.int64)
    order = np.arange(len(refs)) if np.all(refs[1:] >= refs[:-1]) else np.argsort(refs, kind="stable")
    step = np.diff(refs[order])
    near = (step > 0) & (step < record_bytes)
    size[order[:-1][near]] = step[near]
    return size
