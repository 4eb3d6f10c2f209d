"""`promontory block dump`: the samples of a block, series by series, to a stream.

A block is read as queries read it: by ranges, a window at a time, each CRC checked, deleted samples left out. Memory
holds the labels of the chosen series and a few windows. What cannot be read is left out and named at the end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace

from promontory.block.meta import META_FILE, parse_meta
from promontory.bucket.port import Bucket
from promontory.errors import CorruptionError
from promontory.model.clock import Clock
from promontory.model.context import QueryContext
from promontory.model.frame import Aggregate, Frame
from promontory.model.matcher import Matcher
from promontory.model.selector import Selector
from promontory.model.time_range import TimeRange
from promontory.program.block_tool.lines import LineForm, write_frame
from promontory.store.block_store import open_block
from promontory.store.merge import merge_frames

FRAMES_IN_FLIGHT = 4

Lines = tuple[bytes, list[CorruptionError]]


async def dump(
    bucket: Bucket,
    key: str,
    matcher_sets: Sequence[tuple[Matcher, ...]],
    time_range: TimeRange,
    form: LineForm,
    *,
    clock: Clock,
    workers: int,
    write: Callable[[bytes], object],
) -> list[str]:
    """Write the lines of the series that fulfil any of the sets; return what could not be read.

    Raises CorruptionError and BucketError where the block as a whole cannot be read.
    """
    meta = parse_meta(await bucket.get(f"{key}/{META_FILE}"), source=META_FILE)
    # Labels are those that the block itself holds, and its files are found under the name that it has here.
    store = await open_block(bucket, replace(meta, ulid=key, thanos=None))
    with ThreadPoolExecutor(workers) as pool:
        context = QueryContext(clock=clock, pool=pool)
        try:
            streams = [
                store.select(Selector(matchers, time_range, aggregates=tuple(Aggregate)), context)
                for matchers in matcher_sets
            ]
            frames = streams[0] if len(streams) == 1 else merge_frames(streams, context)
            await _write_all(frames, form, time_range, context, write)
        finally:
            context.cancel()
    return list(context.warnings)


async def _write_all(
    frames: AsyncGenerator[Frame, None],
    form: LineForm,
    time_range: TimeRange,
    context: QueryContext,
    write: Callable[[bytes], object],
) -> None:
    """Write the lines of all frames in order, some being made ahead."""
    flying: deque[asyncio.Task[Lines]] = deque()

    async def take() -> None:
        text, errors = await flying.popleft()
        write(text)
        for error in errors:
            context.tolerate(error)

    try:
        async with aclosing(frames) as opened:
            async for frame in opened:
                work = context.run(write_frame, frame, form, time_range, context.stop)
                flying.append(asyncio.ensure_future(work))
                if len(flying) >= FRAMES_IN_FLIGHT:
                    await take()
        while flying:
            await take()
    finally:
        for task in flying:
            task.cancel()
        await asyncio.gather(*flying, return_exceptions=True)
