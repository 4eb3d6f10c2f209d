"""Samples of a Store: Frames gathered into morsels of whole series, decoded and de-duplicated in the kernel pool.

    select -> order checked -> morsels of about 1 MB of payload -> decode_frame, several at a time -> Samples in order

The event loop waits for the Store and for the pool at once, so that a slow Store does not hold back what is decoded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from promontory.errors import CorruptionError, LimitError
from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.samples import Samples
from promontory.model.selector import Selector
from promontory.store.dedup import DecodedFrame, decode_frame
from promontory.store.frames import compact_buffers, held_bytes, join_frames, slice_rows, split_frame
from promontory.store.merge import close_stream, in_order
from promontory.store.port import Store
from promontory.store.resolution import choose_resolution

MORSEL_BYTES = 1 << 20
MORSELS_IN_FLIGHT = 4
UNSUPPORTED_WARNING = (
    "chunks of unknown encodings, or of aggregates without their counts: series that hold them lack those"
)


async def read_samples(
    store: Store,
    selector: Selector,
    context: QueryContext,
    *,
    replica_labels: tuple[bytes, ...],
    deduplicate: bool,
    penalty: bool = True,
) -> AsyncGenerator[Samples, None]:
    """Yield the samples of the selector's series within its range, in Store order, whole series at a time.

    De-duplicating strips `replica_labels` and merges the replicas of a series: by the penalty algorithm, or else
    as one chain of all their timestamps. Series without a sample in the range are left out. A chunk that cannot be
    read is a failure of a part: the series goes on without it, and the query says so.
    """
    merge_replicas = deduplicate and bool(replica_labels)
    asked = choose_resolution(replace(selector, without_replica_labels=replica_labels if merge_replicas else ()))
    frames = in_order(store.select(asked, context), context, name=store.describe().name)
    async with (
        aclosing(gather_morsels(frames, context)) as morsels,
        aclosing(_decode_morsels(morsels, asked, context, penalty=merge_replicas and penalty)) as decoded_morsels,
    ):
        async for decoded in decoded_morsels:
            _tell_missing(decoded, context)
            size_bytes = decoded.samples.resident_bytes
            try:
                context.budget.charge(size_bytes)
                if len(decoded.samples):
                    yield decoded.samples
            finally:
                context.budget.release(size_bytes)


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


async def _decode_morsels(
    morsels: AsyncIterator[Frame], selector: Selector, context: QueryContext, *, penalty: bool
) -> AsyncGenerator[DecodedFrame, None]:
    """Yield the morsels decoded, in their order, several being worked on at a time."""
    flying: deque[asyncio.Task[DecodedFrame]] = deque()
    fetch: asyncio.Task[Frame | None] | None = asyncio.ensure_future(_next_frame(morsels))
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
                work = context.run(
                    decode_frame, frame, selector.time_range,
                    penalty=penalty, stop=context.stop, aggregates=selector.aggregates,
                )  # fmt: skip
                flying.append(asyncio.ensure_future(work))
                fetch = asyncio.ensure_future(_next_frame(morsels))
    finally:
        left = [*flying, *([fetch] if fetch is not None else [])]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _wait(tasks: set[asyncio.Task[DecodedFrame] | asyncio.Task[Frame | None]], context: QueryContext) -> None:
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


def _tell_missing(decoded: DecodedFrame, context: QueryContext) -> None:
    if decoded.stopped:
        context.check()
        raise LimitError("query was canceled in expression evaluation", error_type="canceled")
    if decoded.unsupported:
        context.warn(UNSUPPORTED_WARNING)
    corrupt = decoded.corrupt
    if len(corrupt):
        labels = decoded.labels.labels(int(corrupt.row[0]))
        context.tolerate(
            CorruptionError(
                f"{len(corrupt)} chunks cannot be read; the first one",
                source=f"series {labels}, samples {corrupt.min_ms[0]} to {corrupt.max_ms[0]} ms",
                offset=int(corrupt.start[0]),
                expected=f"a chunk of encoding {corrupt.encoding[0]} in {corrupt.length[0]} bytes",
                found="bytes that break its format",
            )
        )
