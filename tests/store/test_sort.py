"""Stripping and sorting answers of peers that do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.errors import LimitError
from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.frame import Frame
from promontory.model.labels import Labels
from promontory.store.sort import sort_frames
from promontory.store.strip import source_text, strip_labels
from promontory.testing.memory_store import MemoryChunk, MemorySeries, make_frame, read_series


def series(labels: dict[str, str], *chunks: MemoryChunk) -> MemorySeries:
    return MemorySeries(Labels.from_mapping(labels), chunks)


async def stream_of(rows: Sequence[MemorySeries], context: QueryContext) -> AsyncIterator[Frame]:
    for row in rows:
        yield make_frame([row], context)


def test_stripped_labels_become_the_source_of_chunks_that_had_none(context: QueryContext) -> None:
    rows = [
        series({"a": "x", "rack": "1", "replica": "r"}, MemoryChunk(0, 1, b"1")),
        series({"a": "x", "replica": "r"}, MemoryChunk(0, 1, b"2"), MemoryChunk(2, 3, b"3", source=b"known")),
        series({"a": "y"}, MemoryChunk(0, 1, b"4")),
    ]
    stripped = read_series([strip_labels(make_frame(rows, context), (b"replica", b"rack"))])
    assert [str(row.labels) for row in stripped] == ['{a="x"}', '{a="y"}']
    sources = {chunk.data: chunk.source for row in stripped for chunk in row.chunks}
    assert sources == {b"1": b'rack="1",replica="r"', b"2": b'replica="r"', b"3": b"known", b"4": b""}


def test_a_frame_without_replica_labels_is_left_as_it_is(context: QueryContext) -> None:
    frame = make_frame([series({"a": "x"})], context)
    assert strip_labels(frame, (b"replica",)) is frame
    assert source_text(Labels()) == b""


async def test_an_unsorted_answer_is_put_in_order_and_replicas_meet(context: QueryContext) -> None:
    rows = [
        series({"a": replica, "b": instance}, MemoryChunk(0, 1, f"{replica}{instance}".encode()))
        for replica in ("r1", "r2")
        for instance in ("z", "m", "c")
    ]
    frames = [frame async for frame in sort_frames(stream_of(rows, context), context, without=(b"a",))]
    found = read_series(frames)
    assert [str(row.labels) for row in found] == ['{b="c"}', '{b="m"}', '{b="z"}']
    assert [[chunk.data for chunk in row.chunks] for row in found] == [
        [f"{replica}{instance}".encode() for replica in ("r1", "r2")] for instance in ("c", "m", "z")
    ]
    assert sum(len(frame.labels) for frame in frames) == 3
    assert context.budget.held_bytes == 0


async def test_an_answer_that_does_not_fit_the_budget_is_refused(pool: ThreadPoolExecutor) -> None:
    context = QueryContext(clock=SystemClock(), pool=pool, budget=Budget(500))
    rows = [series({"a": text}, MemoryChunk(0, 1, bytes(200))) for text in "cba"]
    with pytest.raises(LimitError):
        async for _ in sort_frames(stream_of(rows, context), context):
            pass
    assert context.budget.held_bytes == 0
