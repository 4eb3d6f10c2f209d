"""A small answer of blocks at once: series that are known, chunks that are in memory, no await and no other thread.

    known series of each block -> the chunks in the range -> one reading a segment file -> a Frame a block -> one Frame

One rule: what is not plain is not answered here. A record that does not fit, a chunk of another encoding than floats
have, a file that is gone: all of that is None, and the long way says what there is to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from promontory.bucket.port import LocalBucket
from promontory.kernels.chunk_records import check_bounded_records
from promontory.kernels.chunk_windows import OFFSET_MASK, join_spans
from promontory.model.frame import ChunkColumns, Encoding, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.selector import Selector
from promontory.model.symbols import SymbolTable
from promontory.store.block_series import BlockParts
from promontory.store.frames import join_frames
from promontory.store.known_series import KnownSeries, KnownSeriesCache

MOST_BLOCKS = 8
MOST_CHUNKS = 512
MOST_READ_BYTES = 256 << 10
MOST_PAYLOAD_BYTES = 64 << 10

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


def read_now(
    blocks: Sequence[BlockParts],
    known: KnownSeriesCache,
    bucket: LocalBucket,
    selector: Selector,
    symbols: SymbolTable,
    *,
    gap_bytes: int,
) -> Frame | None:
    """Return all series of the blocks within the selector's range, None where they are not few and at hand."""
    if len(blocks) > MOST_BLOCKS or selector.limit or selector.skip_chunks or selector.shard is not None:
        return None
    frames = []
    for block in blocks:
        series = known.find(block.known_key(selector))
        frame = None if series is None else _read_block(block, series, bucket, selector, symbols, gap_bytes=gap_bytes)
        if frame is None:
            return None
        frames.append(frame)
    if len(frames) == 1:
        return frames[0]
    return join_frames(frames) if frames else Frame(LabelRows.empty(symbols), ChunkColumns.empty(), ())


def _read_block(
    block: BlockParts,
    series: KnownSeries,
    bucket: LocalBucket,
    selector: Selector,
    symbols: SymbolTable,
    *,
    gap_bytes: int,
) -> Frame | None:
    asked = selector.time_range
    inside = np.flatnonzero((series.max_ms >= asked.min_time_ms) & (series.min_ms <= asked.max_time_ms))
    labels, source = series.intern(symbols)
    count = len(inside)
    if not count or count > MOST_CHUNKS:
        return None if count else Frame(LabelRows.empty(symbols), ChunkColumns.empty(), ())
    ref = series.ref[inside]
    part, ranges = np.empty(count, np.int64), np.empty((count, 4), np.int64)
    parts = join_spans(np.zeros(count, np.int32), ref, series.size[inside], gap_bytes, part, ranges)
    ranges = ranges[:parts]
    read = _read(block, bucket, ranges)
    if read is None:
        return None
    data, place, end = read
    position = (ref & OFFSET_MASK) + (place - ranges[:, 2])[part]
    status, encoding = np.empty(count, np.uint8), np.empty(count, np.uint8)
    start, length = np.empty(count, np.int64), np.empty(count, np.int64)
    check_bounded_records(data, position, end[part], status, encoding, start, length)
    if status.any() or (encoding != Encoding.XOR).any() or length.sum() > MOST_PAYLOAD_BYTES:
        return None
    row = series.row[inside]
    chunks = ChunkColumns(
        row=row, min_ms=series.min_ms[inside], max_ms=series.max_ms[inside], aggregate=np.zeros(count, np.uint8),
        encoding=encoding, buffer=np.zeros(count, np.int32), start=start, length=length, source=source[row],
    )  # fmt: skip
    return Frame(labels, chunks, (data,))


def _read(block: BlockParts, bucket: LocalBucket, ranges: Offsets) -> tuple[Bytes, Offsets, Offsets] | None:
    """Return what is in the ranges, and where each begins and ends in it, int64[r]; None where that is not at hand."""
    bounds = [0, *accumulate((ranges[:, 3] - ranges[:, 2]).tolist())]
    if bounds[-1] > MOST_READ_BYTES:
        return None
    data = np.empty(bounds[-1], np.uint8)
    view, ends = data.data, []
    for segment, group in groupby(zip(ranges[:, 1:3].tolist(), pairwise(bounds), strict=True), key=_segment_of):
        key, spans = block.segments.get(segment), list(group)
        into = [view[begin:end] for _, (begin, end) in spans]
        lengths = bucket.read_cached(key, [start for (_, start), _ in spans], into) if key is not None else None
        if lengths is None:
            return None
        ends += [begin + length for (_, (begin, _)), length in zip(spans, lengths, strict=True)]
    return data, np.array(bounds[:-1], np.int64), np.array(ends, np.int64)


def _segment_of(span: tuple[list[int], tuple[int, int]]) -> int:
    return span[0][0]
