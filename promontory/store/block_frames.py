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


@dataclass(frozen=True, slots=True)
class WindowFrames:
    """The frames of one window, what could not be read for them, the bytes that were, and whether it is the last."""

    frames: Sequence[Frame]
    errors: Errors
    held_bytes: int
    is_last: bool


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
    plan = _Plan(selector, window_bytes, gap_bytes, SeriesMerger(context.symbols))
    ahead: asyncio.Task[WindowFrames] | None = None
    try:
        merged, windows, found = await _open(blocks, bucket, plan, context, held)
        held.hold(merged.held_bytes)
        for frame in _label_frames(merged.labels) if selector.skip_chunks else ():
            yield frame
        while found is not None:
            ahead = None if found.is_last else asyncio.ensure_future(carry_out(next(windows), bucket, context))
            held.hold(merged.held_bytes + found.held_bytes)
            for error in found.errors:
                context.tolerate(error)
            for frame in found.frames:
                yield frame
            found = None if ahead is None else await ahead
    finally:
        held.hold(0)
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)


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


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one reading of blocks goes by."""

    selector: Selector
    window_bytes: int
    gap_bytes: int
    merger: SeriesMerger


@dataclass(frozen=True, slots=True)
class _Found:
    """The series of one block and the number of their labels in the merger, or why there are none."""

    added: tuple[BlockSeries, int] | None
    error: BucketError | CorruptionError | None


Windows = Iterator[Reading[WindowFrames]]
_Opened = tuple[MergedSeries, Windows, WindowFrames | None]


async def _open(
    blocks: Sequence[BlockParts], bucket: Bucket, plan: _Plan, context: QueryContext, held: _Held
) -> _Opened:
    """Find and merge the series, and read the first window. A small query of one block does all in one hop."""

    def note(found: _Found) -> _Found:
        if found.error is not None:
            context.tolerate(found.error)
        if found.added is not None:
            held.hold(held.size_bytes + found.added[0].held_bytes)
        return found

    async def find(block: BlockParts) -> _Found:
        header = await _open_header(block)
        if not isinstance(header, IndexHeader):
            return note(_Found(None, header))
        return note(await carry_out(_find(block, header, plan), bucket, context))

    if len(blocks) == 1:
        header = await _open_header(blocks[0])
        if isinstance(header, IndexHeader):
            found, opened = await carry_out(_find_and_begin(blocks[0], header, plan), bucket, context)
            note(found)
            return opened
    every = await map_concurrently(find, blocks, limit=BLOCKS_AT_ONCE)
    held.hold(held.size_bytes + plan.merger.held_bytes)
    return await carry_out(_begin(every, plan), bucket, context)


async def _open_header(block: BlockParts) -> IndexHeader | CorruptionError | BucketError:
    try:
        return await block.index.header()
    except (CorruptionError, BucketError) as error:
        return error


def _find(block: BlockParts, header: IndexHeader, plan: _Plan) -> Reading[_Found]:
    try:
        series = yield from find_series(block, header, plan.selector, plan.merger.symbols)
    except (CorruptionError, BucketError) as error:
        return _Found(None, error)
    return _Found(plan.merger.add(series), series.error)


def _find_and_begin(block: BlockParts, header: IndexHeader, plan: _Plan) -> Reading[tuple[_Found, _Opened]]:
    found = yield from _find(block, header, plan)
    return found, (yield from _begin([found], plan))


def _begin(found: Sequence[_Found], plan: _Plan) -> Reading[_Opened]:
    """Merge what was found and read the first window, where chunks are wanted."""
    merged = plan.merger.merge([one.added for one in found if one.added is not None], limit=plan.selector.limit)
    windows = _read_windows(merged, plan)
    wants_chunks = len(merged) and not plan.selector.skip_chunks
    return merged, windows, (yield from next(windows)) if wants_chunks else None


def _read_windows(merged: MergedSeries, plan: _Plan) -> Windows:
    """Yield readings, each of the next window when it is carried out; for as many as there are windows."""
    blocks = [member.series.block for member in merged.members]
    alive = np.ones(len(blocks), np.uint8)
    windows = plan_windows(merged, alive, window_bytes=plan.window_bytes)

    def read_next() -> Reading[WindowFrames]:
        window = next(windows)
        records = yield from read_records(window, blocks, gap_bytes=plan.gap_bytes)
        for number in records.failures:
            alive[number] = 0
        labels = merged.labels.slice(window.first, window.last)
        frames, errors = make_frames(window, records, labels, blocks, plan.selector)
        held_bytes = sum(len(buffer) for buffer in records.buffers)
        return WindowFrames(frames, errors, held_bytes, is_last=window.last == len(merged))

    while True:
        yield read_next()


def _label_frames(labels: LabelRows) -> Iterator[Frame]:
    for first in range(0, len(labels), LABEL_FRAME_ROWS):
        yield Frame(labels.slice(first, min(first + LABEL_FRAME_ROWS, len(labels))), ChunkColumns.empty(), ())
