"""Merging sorted streams of Frames into one in which each series stands once.

One round: the bound is the smallest last row of the frames in hand. Rows before it cannot come again from any
stream, so they go out; the row equal to it waits, because its stream may go on with it in the next frame.
In hand at any time: a frame a stream, the next one on its way, and the waiting row.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack

from promontory.errors import StoreError
from promontory.kernels.merge import count_until
from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.label_rows import LabelRows
from promontory.store.frames import compact_buffers, held_bytes, join_frames, slice_rows

# Comparing so many takes 50 us: a way to the pool and back takes as long where it is idle, and a morsel's time if not.
FEW_ROWS = 1000


def merge_frames(
    streams: Sequence[AsyncIterator[Frame]], context: QueryContext, *, names: Sequence[str] = ()
) -> AsyncGenerator[Frame, None]:
    """Return the rows of all streams in Store order: rows of equal labels become one with the chunks of all.

    Raises StoreError, naming the stream, where one breaks the order. `names` are the streams' endpoints.
    """
    labelled = names or [f"stream {number}" for number in range(len(streams))]
    checked = [in_order(stream, context, name=name) for stream, name in zip(streams, labelled, strict=True)]
    return merge_checked(checked, context)


async def in_order(stream: AsyncIterator[Frame], context: QueryContext, *, name: str) -> AsyncGenerator[Frame, None]:
    """Yield the stream's frames while they keep the order. Raises StoreError at the first row that does not."""
    last: LabelRows | None = None
    try:
        async for frame in stream:
            if not len(frame.labels):
                continue
            few = len(frame.labels) <= FEW_ROWS
            breach = _find_breach(last, frame.labels) if few else await context.run(_find_breach, last, frame.labels)
            if breach is not None:
                raise StoreError(f"{name} broke the order of series: {breach}", endpoint=name)
            last = frame.labels.slice(len(frame.labels) - 1, len(frame.labels))
            yield frame
    finally:
        await close_stream(stream)


async def merge_checked(streams: Sequence[AsyncIterator[Frame]], context: QueryContext) -> AsyncGenerator[Frame, None]:
    """Merge streams that are known to keep the order."""
    sources = [_Source(stream, context) for stream in streams]
    waiting: Frame | None = None
    waiting_bytes = 0
    try:
        while True:
            await asyncio.gather(*(source.next_frame for source in sources if source.next_frame and source.used_up()))
            for source in sources:
                source.accept()
            live = [source for source in sources if source.frame is not None]
            if not live:
                break
            merged, last = await context.run(_merge_round, live, waiting)
            context.budget.release(waiting_bytes)
            waiting, waiting_bytes = last, held_bytes(last)
            context.budget.charge(waiting_bytes)
            if len(merged.labels):
                yield merged
        if waiting is not None:
            yield waiting
    finally:
        context.budget.release(waiting_bytes)
        async with AsyncExitStack() as closing:
            for source in sources:
                closing.push_async_callback(source.close)


async def close_stream(stream: AsyncIterator[Frame]) -> None:
    """Close a stream that may be an async generator, so that what it holds is given back now."""
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()


class _Source:
    """One stream: the frame in hand, the first row not yet merged, and the next frame on its way."""

    def __init__(self, stream: AsyncIterator[Frame], context: QueryContext) -> None:
        self._stream = stream
        self._context = context
        self._charged_bytes = 0
        self.next_frame: asyncio.Task[Frame | None] | None = asyncio.ensure_future(self._read())
        self.frame: Frame | None = None
        self.row = 0

    def used_up(self) -> bool:
        """Say whether there is no row in hand; gives back what the last frame held."""
        if self.frame is not None and self.row == len(self.frame.labels):
            self._context.budget.release(self._charged_bytes)
            self.frame, self.row, self._charged_bytes = None, 0, 0
        return self.frame is None

    def accept(self) -> None:
        """Take the next frame in hand where it is needed, and send for the one after it."""
        if self.frame is not None or self.next_frame is None:
            return
        self.frame = self.next_frame.result()
        self.next_frame = None if self.frame is None else asyncio.ensure_future(self._read())
        if self.frame is not None:
            self._charged_bytes = held_bytes(self.frame)
            self._context.budget.charge(self._charged_bytes)

    async def close(self) -> None:
        """Stop reading and give back what is held, even where this is canceled meanwhile."""
        self._context.budget.release(self._charged_bytes)
        try:
            if self.next_frame is not None:
                self.next_frame.cancel()
                await asyncio.gather(self.next_frame, return_exceptions=True)
        finally:
            await close_stream(self._stream)

    async def _read(self) -> Frame | None:
        async for frame in self._stream:
            if len(frame.labels):
                return frame
        return None


def _merge_round(live: Sequence[_Source], waiting: Frame | None) -> tuple[Frame, Frame]:
    """Merge all rows up to the bound; return (rows that are complete, the row that waits)."""
    frames = [source.frame for source in live if source.frame is not None]
    bound = frames[0]
    for frame in frames[1:]:
        if frame.labels.compare(len(frame.labels) - 1, bound.labels, len(bound.labels) - 1) < 0:
            bound = frame
    parts = [] if waiting is None else [waiting]
    for source, frame in zip(live, frames, strict=True):
        rows, last = frame.labels, bound.labels
        end = count_until(
            rows.row_start, rows.name, rows.value, source.row,
            last.row_start, last.name, last.value, len(last) - 1, *rows.symbols.arrays(),
        )  # fmt: skip
        if end > source.row:
            parts.append(slice_rows(frame, source.row, end))
        source.row = end
    merged = join_frames(parts)
    count = len(merged.labels)
    return slice_rows(merged, 0, count - 1), compact_buffers(slice_rows(merged, count - 1, count))


def _find_breach(last: LabelRows | None, labels: LabelRows) -> str | None:
    """Return which row comes too late, or None; `last` is the row before the first."""
    if last is not None and last.compare(0, labels, 0) > 0:
        return f"{labels.labels(0)} came after {last.labels(0)}"
    row = labels.find_descent()
    if row == len(labels):
        return None
    return f"{labels.labels(row)} came after {labels.labels(row - 1)}"
