"""The messages of a Series answer: Frames encoded in the kernel pool, and warnings as they arise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from promontory.errors import CorruptionError, StoreError
from promontory.model.context import QueryContext
from promontory.model.frame import ChunkColumns, Frame
from promontory.store.frames import split_frame
from promontory.store.merge import close_stream
from promontory.store.rpc.encode import encode_frame
from promontory.store.rpc.frame_writer import FrameWriter, fill_messages, is_small
from promontory.store.rpc.known_encodings import without_newer_encodings
from promontory.store.rpc.proto import store_pb2

# A frame is encoded in pieces of this payload, so that the messages of a large one do not all exist at once.
PIECE_BYTES = 4 << 20
# What a Store has ready while a message is written goes into the next one together.
FRAMES_AHEAD = 3

Item = TypeVar("Item")
# Gives the messages of some frames, some at a time.
Write = Callable[[Sequence[Frame], QueryContext], AsyncGenerator[list[bytes], None]]


async def series_messages(
    frames: AsyncIterator[Frame], context: QueryContext, write: Write
) -> AsyncGenerator[list[bytes], None]:
    """Yield the messages of an answer, some at a time; new warnings follow the frame during which they arose.

    Raises StoreError at a warning where the request wants all or nothing.
    """
    told = 0
    async with aclosing(read_ahead(_closing(frames), FRAMES_AHEAD)) as gathered:
        async for some in gathered:
            async for messages in write(some, context):
                yield messages
            if len(context.warnings) > told:
                yield warning_messages(context, told)
                told = len(context.warnings)
    yield warning_messages(context, told)


async def _closing(frames: AsyncIterator[Frame]) -> AsyncGenerator[Frame, None]:
    try:
        async for frame in frames:
            yield frame
    finally:
        await close_stream(frames)


def write_frames() -> Write:
    """Return what writes the frames of one answer as columns."""
    writer = FrameWriter()

    async def write(frames: Sequence[Frame], context: QueryContext) -> AsyncGenerator[list[bytes], None]:
        for held in fill_messages(frames):
            context.check()
            yield [writer.write(held) if is_small(held) else await context.run(writer.write, held)]

    return write


def write_series(batch_size: int, *, newer_encodings: bool) -> Write:
    """Return what writes frames as series; `newer_encodings` says that the client reads those of Prometheus 3."""

    async def write(frames: Sequence[Frame], context: QueryContext) -> AsyncGenerator[list[bytes], None]:
        for piece in (piece for frame in frames for piece in split_frame(frame, PIECE_BYTES)):
            if not newer_encodings:
                piece, broken = await context.run(without_newer_encodings, piece)
                _tell_broken(broken, piece, context)
            yield await context.run(encode_frame, piece, batch_size=batch_size)

    return write


def _tell_broken(broken: ChunkColumns, frame: Frame, context: QueryContext) -> None:
    if len(broken):
        context.tolerate(
            CorruptionError(
                f"{len(broken)} chunks cannot be read; the first one",
                source=f"series {frame.labels.labels(int(broken.row[0]))}",
                offset=int(broken.start[0]),
                expected=f"a chunk of encoding {broken.encoding[0]}",
                found="bytes that break its format",
            )
        )


def take_warnings(context: QueryContext, told: int) -> list[bytes]:
    """Return the warnings after the first `told`. Raises StoreError where the request wants all or nothing."""
    fresh = list(context.warnings)[told:]
    if fresh and not context.partial_response:
        raise StoreError("; ".join(fresh), endpoint="")
    return [text.encode(errors="replace") for text in fresh]


def warning_messages(context: QueryContext, told: int) -> list[bytes]:
    """Return the warnings after the first `told` as messages."""
    return [store_pb2.SeriesResponse(warning=text).SerializeToString() for text in take_warnings(context, told)]


async def read_ahead(
    stream: AsyncGenerator[Item, None], count: int, *, leave: Callable[[], None] | None = None
) -> AsyncGenerator[list[Item], None]:
    """Yield the items of `stream`, all that are ready at a time, while at most `count` more are made.

    `leave` is called before the stream is closed, so that work of its may stop and closing is quick.
    """
    made: asyncio.Queue[tuple[Item, ...]] = asyncio.Queue(count)

    async def make() -> None:
        try:
            async with aclosing(stream):
                async for item in stream:
                    await made.put((item,))
        except Exception:
            await made.put(())
            raise
        await made.put(())

    task = asyncio.ensure_future(make())
    try:
        has_ended = False
        while not has_ended:
            ready = [await made.get()]
            while not made.empty():
                ready.append(made.get_nowait())
            has_ended = not ready[-1]
            items = [item for found in ready for item in found]
            if items:
                yield items
        await task
    finally:
        if leave is not None:
            leave()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
