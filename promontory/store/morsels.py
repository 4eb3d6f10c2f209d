"""Morsels: Frames of about 1 MB of whole series, gathered from a sorted stream and worked on side by side.

A morsel is what one thread of the kernel pool works on at a time: large enough that the way to the pool does not
count, small enough that what is in flight is little. The event loop waits for the stream and for the pool at once, so
that a slow Store does not hold back what is worked on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.store.frames import compact_buffers, held_bytes, join_frames, slice_rows, split_frame
from promontory.store.merge import close_stream

MORSEL_BYTES = 1 << 20
MORSELS_IN_FLIGHT = 4
Done = TypeVar("Done")


async def gather_morsels(
    frames: AsyncIterator[Frame], context: QueryContext, *, payload_bytes: int = MORSEL_BYTES
) -> AsyncGenerator[Frame, None]:
    """Yield the rows of a sorted stream in Frames of about `payload_bytes`, each series whole and once."""
    parts: list[Frame] = []
    gathered_bytes = charged_bytes = 0
    try:
        async for frame in frames:
            parts.append(frame)
            gathered_bytes += frame.payload_bytes
            charged_bytes += held_bytes(frame)
            context.budget.charge(held_bytes(frame))
            if gathered_bytes < max(payload_bytes, 2 * parts[0].payload_bytes):
                continue
            complete, waiting = await context.run(_join_complete, parts)
            parts = [waiting]
            gathered_bytes = waiting.payload_bytes
            for morsel in split_frame(complete, payload_bytes):
                yield morsel
            context.budget.release(charged_bytes - held_bytes(waiting))
            charged_bytes = held_bytes(waiting)
        if parts:
            for morsel in split_frame(await context.run(join_frames, parts), payload_bytes):
                yield morsel
    finally:
        context.budget.release(charged_bytes)
        await close_stream(frames)


async def limit_rows(morsels: AsyncIterator[Frame], most_rows: int) -> AsyncGenerator[Frame, None]:
    """Yield the morsels cut to at most so many series each."""
    async for morsel in morsels:
        for first in range(0, len(morsel.labels), most_rows):
            yield slice_rows(morsel, first, min(first + most_rows, len(morsel.labels)))


async def work_on_morsels(
    morsels: AsyncIterator[Frame], work: Callable[[int, Frame], Done], context: QueryContext
) -> AsyncGenerator[Done, None]:
    """Yield what `work` makes in the pool of each morsel and its number, in their order, several at a time.

    Raises LimitError at the query's deadline, whatever is waited for.
    """
    flying: deque[asyncio.Task[Done]] = deque()
    fetch: asyncio.Task[Frame | None] | None = asyncio.ensure_future(_next_frame(morsels))
    number = 0
    try:
        while flying or fetch is not None:
            if flying and (fetch is None or flying[0].done() or len(flying) >= MORSELS_IN_FLIGHT):
                await _wait({flying[0]}, context)
                yield flying.popleft().result()
                continue
            assert fetch is not None
            await _wait({fetch, *(task for task in flying if task is flying[0])}, context)
            if not fetch.done():
                continue
            frame = fetch.result()
            fetch = None
            if frame is not None:
                flying.append(asyncio.ensure_future(context.run(work, number, frame)))
                number += 1
                fetch = asyncio.ensure_future(_next_frame(morsels))
    finally:
        left = [*flying, *([fetch] if fetch is not None else [])]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _wait(tasks: set[asyncio.Task[Done] | asyncio.Task[Frame | None]], context: QueryContext) -> None:
    """Wait for one of the tasks, or raise LimitError at the query's deadline."""
    while True:
        context.check()
        done, _ = await asyncio.wait(tasks, timeout=context.remaining_s(), return_when=asyncio.FIRST_COMPLETED)
        if done:
            return


async def _next_frame(frames: AsyncIterator[Frame]) -> Frame | None:
    return await anext(frames, None)


def _join_complete(parts: list[Frame]) -> tuple[Frame, Frame]:
    """Return (the rows that are complete, the last row, which may go on)."""
    joined = join_frames(parts)
    count = len(joined.labels)
    return slice_rows(joined, 0, count - 1), compact_buffers(slice_rows(joined, count - 1, count))
