"""A small answer of blocks at once: series that are known, chunks that are in memory, no await and no other thread.

    known series of each block -> the chunks in the range -> one reading a segment file -> a Frame a block -> one Frame

One rule: what is not plain is not answered here. A record that does not fit, a chunk of another encoding than floats
have, a file that is gone, samples that were deleted: all of that is None, and the long way says what there is to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import add

import numpy as np
from numpy.typing import NDArray

from promontory.bucket.port import LocalBucket
from promontory.kernels.known_chunks import choose_chunks, take_records
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
GAP_BYTES = 8 << 10
"""What is in the page cache is copied in less time than it is asked for."""
XOR = int(Encoding.XOR)

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


def read_now(
    blocks: Sequence[BlockParts],
    known: KnownSeriesCache,
    bucket: LocalBucket,
    selector: Selector,
    symbols: SymbolTable,
) -> Frame | None:
    """Return all series of the blocks within the selector's range, None where they are not few and at hand."""
    if len(blocks) > MOST_BLOCKS or selector.limit or selector.skip_chunks or selector.shard is not None:
        return None
    frames = []
    for block in blocks:
        series = None if len(block.tombstones) else known.find(block.known_key(selector))
        frame = None if series is None else _read_block(block, series, bucket, selector, symbols)
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
) -> Frame | None:
    asked = selector.time_range
    room = min(MOST_CHUNKS, len(series.ref))
    chosen, part, ranges = np.empty(room, np.int64), np.empty(room, np.int64), np.empty((room, 3), np.int64)
    count, parts = choose_chunks(
        series.min_ms, series.max_ms, series.ref, series.size, asked.min_time_ms, asked.max_time_ms, GAP_BYTES,
        chosen, part, ranges,
    )  # fmt: skip
    if count <= 0:
        return None if count else Frame(LabelRows.empty(symbols), ChunkColumns.empty(), ())
    ranges = ranges[:parts]
    read = _read(block, bucket, ranges)
    if read is None:
        return None
    data, place, end = read
    labels, source = series.intern(symbols)
    codes, spans = np.empty((2, count), np.int32), np.empty((4, count), np.int64)
    payload_bytes = take_records(
        data, chosen[:count], part, ranges, place, end, series.row, series.min_ms, series.max_ms, series.ref, source,
        XOR, series.size, codes, spans,
    )  # fmt: skip
    if not 0 <= payload_bytes <= MOST_PAYLOAD_BYTES:
        return None
    chunks = ChunkColumns(
        row=codes[0], source=codes[1], min_ms=spans[0], max_ms=spans[1], start=spans[2], length=spans[3],
        aggregate=np.zeros(count, np.uint8), encoding=np.full(count, XOR, np.uint8), buffer=np.zeros(count, np.int32),
    )  # fmt: skip
    return Frame(labels, chunks, (data,))


def _read(block: BlockParts, bucket: LocalBucket, ranges: Offsets) -> tuple[Bytes, Offsets, Offsets] | None:
    """Return what is in the ranges, and where each begins and ends in it, int64[r]; None where that is not at hand.

    ranges: int64[r, 3] = segment, start, end; those of one segment follow each other
    """
    spans = ranges.tolist()
    bounds = [0, *accumulate(end - start for _, start, end in spans)]
    if bounds[-1] > MOST_READ_BYTES:
        return None
    data = np.empty(bounds[-1], np.uint8)
    into = [data.data[begin:end] for begin, end in pairwise(bounds)]
    ends: list[int] = []
    while (first := len(ends)) < len(spans):
        segment = spans[first][0]
        starts = [start for number, start, _ in spans if number == segment]
        key = block.segments.get(segment)
        lengths = None if key is None else bucket.read_cached(key, starts, into[first : first + len(starts)])
        if lengths is None:
            return None
        ends += map(add, bounds[first:], lengths)
    return data, np.array(bounds[:-1], np.int64), np.array(ends, np.int64)
