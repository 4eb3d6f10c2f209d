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

from promontory.block.series import ChunkEntries
from promontory.kernels.chunk_windows import choose_chunks, describe_chunks
from promontory.store.block_series import RECORD_BYTES
from promontory.store.merged_series import MergedSeries

LEAST_CHUNK_BYTES = 128
"""A batch holds a few windows even where chunks are as small as this."""
BATCH_CHUNKS = 1 << 16
BLOCK_CHUNKS = 1 << 10
"""Of many blocks, a batch has so many chunks of each, which is worth the call."""

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

    @staticmethod
    def make(size: int) -> ChunkRefs:
        """Return room for so many."""
        block, row, source = (np.empty(size, np.int32) for _ in range(3))
        return ChunkRefs(block, row, source, *(np.empty(size, np.int64) for _ in range(5)))


@dataclass(frozen=True, slots=True)
class Window:
    """The merged rows [first, last), and int64[c]: which of `chunks`, whose row 0 is `origin`, are theirs."""

    first: int
    last: int
    origin: int
    chunks: ChunkRefs
    chosen: Offsets


def plan_windows(merged: MergedSeries, alive: Bytes, *, window_bytes: int) -> Iterator[Window]:
    """Yield the rows in windows; of members whose `alive`, uint8[members], is 0 by then, no chunks."""
    before = merged.chunks_before
    batch_chunks = max(BATCH_CHUNKS, BLOCK_CHUNKS * len(merged.members), window_bytes // LEAST_CHUNK_BYTES)
    first = 0
    while first < len(merged):
        last = int(np.searchsorted(before, before[first] + batch_chunks, side="right")) - 1
        last = max(last, first + 1)
        chunks, block_start = _read_batch(merged, first, last)
        held = np.zeros(last - first + 1, np.int64)
        held[1:] = np.cumsum(np.bincount(chunks.row, weights=chunks.size, minlength=last - first))
        low = 0
        while low < last - first:
            high = int(np.searchsorted(held, held[low] + window_bytes, side="right")) - 1
            high = max(high, low + 1)
            if low and high == last - first and last < len(merged):
                break  # Cut short by the end of the batch: the next one begins here, or a network is asked more often.
            chosen = np.empty(int(before[first + high] - before[first + low]), np.int64)
            count = choose_chunks(block_start, chunks.row, alive, low, high, chosen)
            yield Window(first + low, first + high, first, chunks, chosen[:count])
            low = high
        first += low


def _read_batch(merged: MergedSeries, first: int, last: int) -> tuple[ChunkRefs, Offsets]:
    """Return the chunks of the rows [first, last), `row` counting from `first`, and where each member's begin."""
    size = int(merged.chunks_before[last] - merged.chunks_before[first])
    chunks = ChunkRefs.make(size)
    block_start = np.zeros(len(merged.members) + 1, np.int64)
    begin = 0
    for number, member in enumerate(merged.members):
        start, end = member.find(first, last)
        rows, parts = member.series.rows, member.series.block
        stop = begin + int(rows.chunk_count[start:end].sum())
        block, row, source, low, high, ref, bound, series_ref = (
            getattr(chunks, name)[begin:stop] for name in ChunkRefs.__slots__
        )
        rows.write_chunks(start, end, ChunkEntries(row, low, high, ref))
        merged_row = np.arange(start, end, dtype=np.int32) if member.row is None else member.row[start:end]
        record_bytes = parts.record_bytes or RECORD_BYTES
        is_rising = describe_chunks(
            number, first, record_bytes, merged_row, member.series.source[start:end], rows.series_ref[start:end],
            ref, row, block, source, series_ref, bound,
        )  # fmt: skip
        if not is_rising:
            bound[:] = bound_records(ref, record_bytes=record_bytes)
        begin = stop
        block_start[number + 1] = begin
    return chunks, block_start


def bound_records(refs: Offsets, *, record_bytes: int) -> Offsets:
    """Return int64[c]: bytes that hold each record, as far as the next one's place or the longest one tells."""
    size = np.full(len(refs), record_bytes, np.int64)
    order = np.argsort(refs, kind="stable")
    step = np.diff(refs[order])
    near = (step > 0) & (step < record_bytes)
    size[order[:-1][near]] = step[near]
    return size
