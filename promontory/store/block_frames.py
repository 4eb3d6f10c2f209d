"""Blocks of one bucket, read together: their series merged, their chunks in step, as Frames.

    series of each block -> one list of rows -> windows of rows: records of all blocks -> Frames, each series whole

The labels of all series are known before the first chunk is read; then one window is used while the next is on its
way. What is corrupt is left out and tolerated by name. A block that cannot be read at some point ends there, by name,
and the others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from promontory.block.index_header import IndexHeader
from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket
from promontory.errors import BucketError, CorruptionError
from promontory.model.context import QueryContext
from promontory.model.frame import ChunkColumns, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.selector import Selector
from promontory.store.block_series import BlockParts, BlockSeries, find_series
from promontory.store.chunk_records import read_records
from promontory.store.chunk_windows import plan_windows
from promontory.store.merged_series import MergedSeries, SeriesMerger
from promontory.store.reads import Reading, carry_out
from promontory.store.window_frames import Errors, make_frames

LABEL_FRAME_ROWS = 10_000
BLOCKS_AT_ONCE = 128

Found = tuple[BlockSeries, int]


@dataclass(frozen=True, slots=True)
class WindowFrames:
    """The frames of one window, what could not be read for them, and the bytes that were."""

    frames: Sequence[Frame]
    errors: Errors
    held_bytes: int


async def read_blocks(
    blocks: Sequence[BlockParts],
    bucket: Bucket,
    selector: Selector,
    context: QueryContext,
    *,
    window_bytes: int,
    gap_bytes: int,
) -> AsyncGenerator[Frame, None]:
    """Yield the series of the blocks in order, each label set once. `window_bytes` is about what is held, twice."""
    held = _Held(context)
    try:
        merged = await _find_all(blocks, bucket, selector, context, held)
        if selector.skip_chunks:
            for frame in _label_frames(merged.labels):
                yield frame
            return
        windows = _read_windows(merged, selector, window_bytes=window_bytes, gap_bytes=gap_bytes)
        base_bytes = held.size_bytes
        ahead = asyncio.ensure_future(carry_out(next(windows), bucket, context))
        try:
            while (found := await ahead) is not None:
                ahead = asyncio.ensure_future(carry_out(next(windows), bucket, context))
                held.hold(base_bytes + found.held_bytes)
                for error in found.errors:
                    context.tolerate(error)
                for frame in found.frames:
                    yield frame
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)
    finally:
        held.hold(0)


async def find_in_block(block: BlockParts, bucket: Bucket, selector: Selector, context: QueryContext) -> BlockSeries:
    """Return the matching series of one block; entries that are corrupt are tolerated.

    Raises CorruptionError and BucketError.
    """
    header = await block.index.header()
    series = await carry_out(find_series(block, header, selector, context.symbols), bucket, context)
    if series.error is not None:
        context.tolerate(series.error)
    return series


class _Held:
    """What a query holds of the blocks, as its budget knows it."""

    def __init__(self, context: QueryContext) -> None:
        self._context = context
        self.size_bytes = 0

    def hold(self, size_bytes: int) -> None:
        """Hold so many bytes from now on. Raises LimitError where that is too much."""
        before, self.size_bytes = self.size_bytes, size_bytes
        if size_bytes < before:
            self._context.budget.release(before - size_bytes)
        else:
            self._context.budget.charge(size_bytes - before)


async def _find_all(
    blocks: Sequence[BlockParts], bucket: Bucket, selector: Selector, context: QueryContext, held: _Held
) -> MergedSeries:
    merger = SeriesMerger(context.symbols)

    async def find(block: BlockParts) -> Found | None:
        try:
            header = await block.index.header()
            found = await carry_out(_find_and_add(block, header, selector, merger), bucket, context)
        except (CorruptionError, BucketError) as error:
            context.tolerate(error)
            return None
        held.hold(held.size_bytes + found[0].held_bytes)
        if found[0].error is not None:
            context.tolerate(found[0].error)
        return found

    found = [one for one in await map_concurrently(find, blocks, limit=BLOCKS_AT_ONCE) if one is not None]
    held.hold(held.size_bytes + merger.held_bytes)
    merged = await context.run(merger.merge, found, limit=selector.limit)
    held.hold(merged.held_bytes)
    return merged


def _find_and_add(block: BlockParts, header: IndexHeader, selector: Selector, merger: SeriesMerger) -> Reading[Found]:
    series = yield from find_series(block, header, selector, merger.symbols)
    return merger.add(series)


def _read_windows(
    merged: MergedSeries, selector: Selector, *, window_bytes: int, gap_bytes: int
) -> Iterator[Reading[WindowFrames | None]]:
    """Yield readings, each of the next window when it is carried out, and of None when there is none."""
    blocks = [member.series.block for member in merged.members]
    alive = np.ones(len(blocks), np.uint8)
    windows = plan_windows(merged, alive, window_bytes=window_bytes)

    def read_next() -> Reading[WindowFrames | None]:
        window = next(windows, None)
        if window is None:
            return None
        records = yield from read_records(window, blocks, gap_bytes=gap_bytes)
        for number in records.failures:
            alive[number] = 0
        labels = merged.labels.slice(window.first, window.last)
        frames, errors = make_frames(window, records, labels, blocks, selector)
        return WindowFrames(frames, errors, sum(len(buffer) for buffer in records.buffers))

    while True:
        yield read_next()


def _label_frames(labels: LabelRows) -> Iterator[Frame]:
    for first in range(0, len(labels), LABEL_FRAME_ROWS):
        yield Frame(labels.slice(first, min(first + LABEL_FRAME_ROWS, len(labels))), ChunkColumns.empty(), ())
