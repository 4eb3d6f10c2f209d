"""What would be read of one block; how it is told is in estimates.py.

matchers ─► postings (read) ─► refs of the series ─► their share of the block's chunks ─► byte ranges
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_header import IndexHeader
from promontory.block.index_layout import SERIES_ALIGNMENT
from promontory.block.meta import CHUNKS_DIRECTORY, BlockMeta
from promontory.model.selector import Selector
from promontory.store.block_series import BlockParts
from promontory.store.byte_ranges import plan_ranges
from promontory.store.estimates import BlockEstimate
from promontory.store.external_labels import strip_matchers
from promontory.store.reads import Reading

Refs = NDArray[np.uint32]


def estimate_block(
    block: BlockParts, header: IndexHeader, selector: Selector, *, gap_bytes: int, window_bytes: int
) -> Reading[BlockEstimate]:
    """Return what would be read of a block; its postings are read. Raises CorruptionError and BucketError.

    `window_bytes`: so much of this block is read at a time.
    """
    meta = block.meta
    matchers = strip_matchers(meta.stream_labels, selector.matchers)
    postings: list[tuple[int, int]] = []
    refs = np.empty(0, np.uint32)
    if matchers is not None:
        refs = yield from _note_ranges(block.index.expand(header, matchers), postings)
    if block.index.is_in_memory:
        postings.clear()
    postings_bytes = sum(end - start for start, end in postings)
    if not len(refs):
        return BlockEstimate(meta.ulid, meta.stream_labels, read_bytes=postings_bytes, requests=len(postings))
    toc = header.toc
    section_bytes = toc.series_end - toc.series
    average = _average(meta, selector, section_bytes=section_bytes)
    start = refs.astype(np.int64) * SERIES_ALIGNMENT
    first = start[:0] if block.index.is_in_memory else start
    entries = plan_ranges(first, first + average.entry_bytes, gap_bytes=gap_bytes)
    place = (start - toc.series) * (_file_bytes(meta) / max(1, section_bytes))
    records = plan_ranges(place.astype(np.int64), (place + average.chunk_bytes).astype(np.int64), gap_bytes=gap_bytes)
    record_bytes = int((records.end - records.start).sum())
    windows = max(1, -(-record_bytes // window_bytes))
    return BlockEstimate(
        ulid=meta.ulid,
        labels=meta.stream_labels,
        series=len(refs),
        chunks=round(len(refs) * average.chunks),
        samples=round(len(refs) * average.samples),
        chunk_bytes=round(len(refs) * average.chunk_bytes),
        read_bytes=postings_bytes + int((entries.end - entries.start).sum()) + record_bytes,
        requests=len(postings) + len(entries.start) + len(records.start) + windows - 1,
    )


def _note_ranges(reading: Reading[Refs], noted: list[tuple[int, int]]) -> Reading[Refs]:
    """Carry a reading out, the byte ranges that it asks for noted."""
    try:
        asked = next(reading)
        while True:
            noted += (span for one in asked for span in one.ranges)
            asked = reading.send((yield asked))
    except StopIteration as end:
        refs: Refs = end.value
        return refs


@dataclass(frozen=True, slots=True)
class _Average:
    """What an average series of a block has in a time range."""

    chunks: float
    samples: float
    chunk_bytes: float
    entry_bytes: int


def _average(meta: BlockMeta, selector: Selector, *, section_bytes: int) -> _Average:
    stats, asked = meta.stats, selector.time_range
    series = max(1, stats.series_count)
    span_ms = max(1, meta.max_time_ms - meta.min_time_ms)
    low, high = max(asked.min_time_ms, meta.min_time_ms), min(asked.max_time_ms + 1, meta.max_time_ms)
    share = min(1.0, max(0, high - low) / span_ms)
    chunks = stats.chunk_count / series
    # The range begins and ends within a chunk: of these two the half lies outside, on average.
    read = chunks if share == 1.0 else min(chunks, chunks * share + 1)
    return _Average(
        chunks=read,
        samples=stats.sample_count / series * share,
        chunk_bytes=_file_bytes(meta) / series * (read / chunks if chunks else 0.0),
        entry_bytes=-(-section_bytes // series),
    )


def _file_bytes(meta: BlockMeta) -> int:
    """Return the bytes of the chunk files, 0 where the meta does not say."""
    files = meta.thanos.files if meta.thanos else ()
    return sum(file.size_bytes or 0 for file in files if file.path.startswith(f"{CHUNKS_DIRECTORY}/"))
