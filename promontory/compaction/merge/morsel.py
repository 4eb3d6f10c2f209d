"""A morsel: some merged series, read, cut, made free of overlaps, and turned into records; in one thread of the pool.

    records of all blocks  ->  cut by tombstones and range  ->  in order, in groups of overlapping chunks
        a group of one chunk    its payload goes over as it is
        a group of several      one-to-one or penalty, encoded again

Memory: the records read and written, 4 MiB each at most unless one series is larger, and the samples of chunks that
overlap or are cut: floats of 8192 chunks at most unless one series has more, histograms of 256 KiB of chunks at most
unless one group of overlapping chunks is larger (pieces.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from promontory.block.prepared import PreparedSeries, prepare_series
from promontory.chunk.decode import DecodedChunks, locate_buffers
from promontory.chunk.recode import recode_chunks
from promontory.compaction.job import Deduplication
from promontory.compaction.merge.chosen_series import find_partly_deleted, tombstone_table
from promontory.compaction.merge.merged_window import MergedWindow
from promontory.compaction.merge.overlaps import describe_bad_chunk, merge_overlaps
from promontory.compaction.merge.pieces import split_groups
from promontory.compaction.reading.local_block import LocalBlock
from promontory.compaction.reading.records import read_records
from promontory.compaction.reasons import DOWNSAMPLED_OVERLAP
from promontory.errors import BadBlockError
from promontory.kernels.chunk_groups import group_chunks
from promontory.kernels.tombstones import keep_samples
from promontory.model.frame import Aggregate, ChunkColumns, Encoding
from promontory.model.starts import find_starts
from promontory.model.time_range import TimeRange

MORSEL_BYTES = 4 << 20
MORSEL_CHUNKS = 8192

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Buffers = tuple[Bytes, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How morsels are prepared: the blocks, the output's range, what becomes of overlaps, and uint8[1] `stop`."""

    blocks: Sequence[LocalBlock]
    time_range: TimeRange
    deduplication: Deduplication
    stop: Bytes


@dataclass(frozen=True, slots=True)
class WindowChunks:
    """Chunks by row, within a row by block; block int32[c], series_ref int64[c]; `columns` point into `buffers`."""

    columns: ChunkColumns
    block: NDArray[np.int32]
    series_ref: Offsets
    buffers: Buffers


def split_window(window: MergedWindow) -> Iterator[MergedWindow]:
    """Yield the window's rows, as many at a time as make a morsel; one at least."""
    rows = np.arange(len(window.labels) + 1)
    chunks = np.searchsorted(window.row, rows)
    ends = find_starts(window.record_bytes)[chunks]
    first = 0
    while first < len(window.labels):
        last = int(np.searchsorted(ends, ends[first] + MORSEL_BYTES, side="right")) - 1
        last = min(last, int(np.searchsorted(chunks, chunks[first] + MORSEL_CHUNKS, side="right")) - 1)
        last = max(last, first + 1)
        yield window.slice(first, last)
        first = last


def prepare_morsel(recipe: Recipe, window: MergedWindow) -> PreparedSeries:
    """Return the series of a window as they are written.

    Raises CorruptionError where a chunk is not good, and BadBlockError where downsampled ones overlap.
    """
    chunks = read_chunks(recipe, window)
    order, group_start = _group(recipe, chunks, rows=len(window.labels))
    columns, buffers = chunks.columns.take(order), chunks.buffers
    counts = np.diff(group_start)
    if (counts > 1).any():
        overlapping = np.repeat(counts > 1, counts)
        _refuse_aggregates(recipe, columns, chunks.block[order], overlapping)
        groups = np.concatenate([[0], np.cumsum(counts[counts > 1])])
        merged = merge_overlaps(
            columns.take(np.flatnonzero(overlapping)), groups, buffers,
            deduplication=recipe.deduplication, stop=recipe.stop,
        )  # fmt: skip
        columns, buffers = _join(columns.take(np.flatnonzero(~overlapping)), buffers, merged.chunks, merged.data)
        columns = columns.take(np.lexsort((columns.min_ms, columns.row)))
    return prepare_series(window.labels, columns, buffers)


def read_chunks(recipe: Recipe, window: MergedWindow) -> WindowChunks:
    """Return the chunks of a window less the samples that are deleted or outside of the output's range."""
    return _cut(recipe, _read(recipe, window))


def _read(recipe: Recipe, window: MergedWindow) -> WindowChunks:
    records = read_records(recipe.blocks, window.block, window.ref, window.record_bytes)
    count = len(window.row)
    columns = ChunkColumns(
        row=window.row, min_ms=window.min_ms, max_ms=window.max_ms,
        aggregate=np.full(count, Aggregate.RAW, np.uint8), encoding=records.encoding,
        buffer=np.zeros(count, np.int32), start=records.start, length=records.length,
        source=np.zeros(count, np.int32),
    )  # fmt: skip
    return WindowChunks(columns, window.block, window.series_ref, (records.data,))


def _cut(recipe: Recipe, chunks: WindowChunks) -> WindowChunks:
    """Return the chunks less the samples that are deleted or outside of the output's range."""
    columns = chunks.columns
    crosses = (columns.min_ms < recipe.time_range.min_time_ms) | (columns.max_ms > recipe.time_range.max_time_ms)
    for number, block in enumerate(recipe.blocks):
        if len(block.tombstones):
            inside = np.flatnonzero(chunks.block == number)
            span = (columns.min_ms[inside], columns.max_ms[inside])
            crosses[inside[find_partly_deleted(chunks.series_ref[inside], *span, block.tombstones)]] = True
    touched = np.flatnonzero(crosses)
    if not len(touched):
        return chunks

    # The place of each chunk travels as its source, because one may become several, or none.
    numbered = replace(columns, source=np.arange(len(columns), dtype=np.int32))
    joined, buffers = numbered.take(np.flatnonzero(~crosses)), chunks.buffers
    cut = numbered.take(touched)
    for first, last in split_groups(cut, np.arange(len(touched) + 1)):
        left = partial(_find_left, recipe, chunks, touched[first:last])
        recoded = recode_chunks(cut.take(np.arange(first, last)), chunks.buffers, left)
        if len(recoded.broken):
            raise describe_bad_chunk(recoded.broken)
        joined, buffers = _join(joined, buffers, recoded.chunks, recoded.data)
    joined = joined.take(np.argsort(joined.source, kind="stable"))
    place = joined.source
    return WindowChunks(
        replace(joined, source=np.zeros(len(joined), np.int32)), chunks.block[place], chunks.series_ref[place], buffers
    )


def _find_left(recipe: Recipe, chunks: WindowChunks, touched: Offsets, decoded: DecodedChunks) -> NDArray[np.bool_]:
    """Return bool[m]: the samples of the touched chunks that stay."""
    times, first = decoded.timestamps_ms, decoded.chunk_start
    keep: NDArray[np.bool_] = (times >= recipe.time_range.min_time_ms) & (times <= recipe.time_range.max_time_ms)
    for number, block in enumerate(recipe.blocks):
        inside = np.flatnonzero(chunks.block[touched] == number) if len(block.tombstones) else ()
        for chunk in inside:
            span = first[chunk : chunk + 2]
            marks = np.empty(int(span[1] - span[0]), np.uint8)
            ref = chunks.series_ref[touched[chunk : chunk + 1]]
            keep_samples(ref, span - span[0], times[span[0] : span[1]], tombstone_table(block.tombstones), marks)
            keep[span[0] : span[1]] &= marks.view(np.bool_)
    return keep


def _group(recipe: Recipe, chunks: WindowChunks, *, rows: int) -> tuple[Offsets, Offsets]:
    """Return (order int64[c]: chunks that count, group_start int64[g + 1]: groups of them that overlap)."""
    columns, count = chunks.columns, len(chunks.columns)
    row_start = np.searchsorted(columns.row, np.arange(rows + 1, dtype=np.int32))
    order, group, kept = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.uint8)
    groups = group_chunks(
        row_start, chunks.block, columns.min_ms, columns.max_ms, *locate_buffers(chunks.buffers),
        columns.buffer, columns.start, columns.length, columns.encoding,
        np.empty((len(recipe.blocks), 3), np.int64), order, group, kept,
    )  # fmt: skip
    left = np.flatnonzero(kept)
    return order[left], np.searchsorted(group[left], np.arange(groups + 1))


def _refuse_aggregates(
    recipe: Recipe, columns: ChunkColumns, block: NDArray[np.int32], overlapping: NDArray[np.bool_]
) -> None:  # fmt: skip
    """Refuse to merge aggregates that overlap: no choice among windows of two replicas leaves their counters whole."""
    numbers = np.unique(block[overlapping & (columns.encoding == Encoding.AGGREGATES)])
    if len(numbers):
        ulids = tuple(recipe.blocks[number].meta.ulid for number in numbers.tolist())
        raise BadBlockError(
            f"downsampled chunks of blocks {', '.join(ulids)} overlap", ulids=ulids, reason=DOWNSAMPLED_OVERLAP
        )


def _join(left: ChunkColumns, buffers: Buffers, right: ChunkColumns, data: Bytes) -> tuple[ChunkColumns, Buffers]:
    """Return the chunks of both, one after the other; those of `right` lie in one buffer, `data`."""
    moved = replace(right, buffer=np.full(len(right), len(buffers), np.int32))
    columns = (np.concatenate([getattr(left, name), getattr(moved, name)]) for name in ChunkColumns.__slots__)
    return ChunkColumns(*columns), (*buffers, data)
