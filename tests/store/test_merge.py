"""Merging sorted streams, against a merge written in plain Python."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.errors import LimitError, StoreError
from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.frame import Aggregate, Frame
from promontory.model.labels import Labels
from promontory.store.frames import split_frame
from promontory.store.merge import merge_checked, merge_frames
from promontory.testing.memory_store import MemoryChunk, MemorySeries, make_frame, read_series

CHUNKS = st.builds(
    MemoryChunk,
    min_ms=st.sampled_from([0, 100, 200]),
    max_ms=st.sampled_from([250, 300]),
    data=st.sampled_from([b"", b"\0\1ab", b"\0\1cd", b"\0\1efg"]),
    aggregate=st.sampled_from([Aggregate.RAW, Aggregate.SUM]),
    source=st.sampled_from([b"", b"a", b"b"]),
)
ALL_LABELS = [Labels.from_mapping({"a": a, "b": b}) for a in ("", "x", "y", "z") for b in ("", "long value of b", "w")]
SERIES = st.builds(MemorySeries, st.sampled_from(ALL_LABELS), st.lists(CHUNKS, max_size=4).map(tuple))


async def stream_of(
    rows: Sequence[MemorySeries], context: QueryContext, *, frame_rows: int = 2
) -> AsyncIterator[Frame]:
    for start in range(0, len(rows), frame_rows):
        await asyncio.sleep(0)
        yield make_frame(rows[start : start + frame_rows], context)


async def collect(stream: AsyncIterator[Frame]) -> list[Frame]:
    return [frame async for frame in stream]


def series(number: int, *chunks: MemoryChunk) -> MemorySeries:
    return MemorySeries(Labels.from_mapping({"n": f"{number:03d}"}), chunks)


def chunk_key(chunk: MemoryChunk) -> tuple[object, ...]:
    return (chunk.source, chunk.min_ms, chunk.max_ms, chunk.aggregate, chunk.encoding, chunk.data)


@given(st.lists(st.lists(SERIES, max_size=6), max_size=4), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_merging_equals_a_dictionary_of_sorted_rows(streams: list[list[MemorySeries]], frame_rows: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        ordered = [sorted(rows, key=lambda row: row.labels) for rows in streams]
        inputs = [stream_of(rows, context, frame_rows=frame_rows) for rows in ordered]
        frames = asyncio.run(collect(merge_frames(inputs, context)))
        assert context.budget.held_bytes == 0
    expected: dict[Labels, set[tuple[object, ...]]] = {}
    for row in sorted((row for rows in streams for row in rows), key=lambda row: row.labels):
        expected.setdefault(row.labels, set()).update(chunk_key(chunk) for chunk in row.chunks)
    labels = [frame.labels.labels(row) for frame in frames for row in range(len(frame.labels))]
    assert labels == list(expected)
    for row in read_series(frames):
        assert {chunk_key(chunk) for chunk in row.chunks} == expected[row.labels]


async def test_a_series_that_goes_on_in_the_next_frames_is_joined(context: QueryContext) -> None:
    parts = [series(1, MemoryChunk(start, start + 9, b"\0\1" + bytes([start]))) for start in (0, 10, 20, 30)]
    rows = [series(0), *parts, series(2)]
    frames = await collect(merge_frames([stream_of(rows, context, frame_rows=1)], context))
    assert [str(row.labels) for row in read_series(frames)] == [str(series(number).labels) for number in range(3)]
    assert [len(row.chunks) for row in read_series(frames)] == [0, 4, 0]
    assert sum(len(frame.labels) for frame in frames) == 3


async def test_exact_copies_are_dropped_and_near_copies_kept(context: QueryContext) -> None:
    original = MemoryChunk(0, 9, b"\0\1same", source=b"a")
    others = [
        MemoryChunk(0, 9, b"\0\1else", source=b"a"),
        MemoryChunk(0, 9, b"\0\1same", source=b"b"),
        MemoryChunk(0, 8, b"\0\1same", source=b"a"),
    ]
    streams = [stream_of([series(1, chunk)], context) for chunk in (original, original, original, *others)]
    (frame,) = await collect(merge_frames(streams, context))
    (row,) = read_series([frame])
    assert sorted(map(chunk_key, row.chunks)) == sorted(map(chunk_key, [original, *others]))


async def test_chunks_are_ordered_by_source_then_time(context: QueryContext) -> None:
    for text in (b"b", b"a"):
        context.symbols.intern(text)
    starts = [[30, 40], [0, 10], [15, 20]]
    streams = [
        stream_of([series(1, *(MemoryChunk(start, start + 5, b"", source=b"a") for start in part))], context)
        for part in starts
    ]
    (frame,) = await collect(merge_frames(streams, context))
    assert frame.chunks.min_ms.tolist() == [0, 10, 15, 20, 30, 40]


async def test_buffers_are_pointed_at_and_not_copied(context: QueryContext) -> None:
    frame = make_frame([series(1, MemoryChunk(0, 1, b"\0\1payload")), series(2, MemoryChunk(0, 1, b"x"))], context)

    async def once() -> AsyncIterator[Frame]:
        yield frame

    merged = await collect(merge_frames([once()], context))
    assert any(buffer is frame.buffers[0] for one in merged for buffer in one.buffers)


@pytest.mark.parametrize("frame_rows", [1, 3])
async def test_a_broken_order_is_an_error_that_names_the_stream(context: QueryContext, frame_rows: int) -> None:
    streams = [
        stream_of([series(1), series(2)], context),
        stream_of([series(1), series(3), series(2)], context, frame_rows=frame_rows),
    ]
    with pytest.raises(StoreError, match=r'bad-peer broke the order of series: \{n="002"\} came after \{n="003"\}'):
        await collect(merge_frames(streams, context, names=["good-peer", "bad-peer"]))
    assert context.budget.held_bytes == 0


async def test_a_failing_stream_raises_and_closes_the_others(context: QueryContext) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[Frame]:
        try:
            for number in range(1000):
                yield make_frame([series(number)], context)
        finally:
            closed.set()

    async def failing() -> AsyncIterator[Frame]:
        yield make_frame([series(5)], context)
        raise StoreError("peer went away", endpoint="peer")

    with pytest.raises(StoreError, match="peer went away"):
        await collect(merge_frames([endless(), failing()], context))
    assert closed.is_set()
    assert context.budget.held_bytes == 0


async def test_giving_up_the_merge_closes_the_streams(context: QueryContext) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[Frame]:
        try:
            for number in range(1000):
                yield make_frame([series(number)], context)
        finally:
            closed.set()

    merged = merge_frames([endless()], context)
    async for _ in merged:
        break
    await merged.aclose()
    assert closed.is_set()


async def test_a_merge_that_fails_and_is_canceled_at_whatever_step_leaves_no_stream_open(context: QueryContext) -> None:
    for steps in range(30):
        begun: list[str] = []
        ended: list[str] = []

        async def stream(
            name: str, *frames: int, begun: list[str] = begun, ended: list[str] = ended
        ) -> AsyncIterator[Frame]:
            begun.append(name)
            try:
                for number in frames:
                    await asyncio.sleep(0)
                    yield make_frame([series(number)], context)
                for _ in range(5):
                    await asyncio.sleep(0)
                raise StoreError("lost", endpoint=name)
            finally:
                ended.append(name)

        merging = asyncio.ensure_future(collect(merge_checked([stream("a"), stream("b", 1), stream("c", 2)], context)))
        for _ in range(steps):
            await asyncio.sleep(0)
        merging.cancel()
        await asyncio.wait([merging])
        assert merging.cancelled() or isinstance(merging.exception(), StoreError)
        assert sorted(ended) == sorted(begun), f"canceled after {steps} steps"
        assert context.budget.held_bytes == 0


async def test_frames_in_hand_are_charged_to_the_budget(pool: ThreadPoolExecutor) -> None:
    context = QueryContext(clock=SystemClock(), pool=pool, budget=Budget(1000))
    rows = [series(number, MemoryChunk(0, 1, bytes(400))) for number in range(4)]
    with pytest.raises(LimitError, match="more than the limit of 1000"):
        await collect(merge_frames([stream_of(rows, context, frame_rows=4)], context))
    assert context.budget.held_bytes == 0


async def test_a_series_that_goes_on_and_on_is_charged_to_the_budget(pool: ThreadPoolExecutor) -> None:
    context = QueryContext(clock=SystemClock(), pool=pool, budget=Budget(5000))
    rows = [series(1, MemoryChunk(number, number, bytes([number]) * 400)) for number in range(50)]
    with pytest.raises(LimitError, match="more than the limit of 5000"):
        await collect(merge_frames([stream_of(rows, context, frame_rows=1)], context))
    assert context.budget.held_bytes == 0


async def test_a_stream_that_fails_to_close_does_not_keep_the_others_open(context: QueryContext) -> None:
    closed: list[int] = []

    async def stubborn(number: int) -> AsyncIterator[Frame]:
        try:
            for row in range(1000):
                yield make_frame([series(row)], context)
        finally:
            closed.append(number)
            raise StoreError("will not close", endpoint="peer")

    merged = merge_checked([stubborn(1), stubborn(2)], context)
    await anext(merged)
    with pytest.raises(StoreError, match="will not close"):
        await merged.aclose()
    assert sorted(closed) == [1, 2]
    assert context.budget.held_bytes == 0


def test_a_frame_splits_into_pieces_of_whole_series(context: QueryContext) -> None:
    sizes = [300, 300, 300, 5000, 0, 100]
    frame = make_frame([series(number, MemoryChunk(0, 1, bytes(size))) for number, size in enumerate(sizes)], context)
    pieces = list(split_frame(frame, 600))
    assert [piece.payload_bytes for piece in pieces] == [600, 300, 5000, 100]
    assert read_series(pieces) == read_series([frame])
