"""Morsels of a stream whose Frames cut series wherever they like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.selector import Selector
from promontory.model.time_range import TimeRange
from promontory.store.morsels import Morsel, gather_morsels, work_on_morsels
from promontory.testing.memory_store import MemorySeries, MemoryStore, make_series

EVERYTHING = Selector(matchers=(), time_range=TimeRange(0, 10**12))


class Pieces(MemoryStore):
    """Sends the chunks of each series as rows of their own, several rows a Frame."""

    def _find(self, selector: Selector) -> list[MemorySeries]:
        return [MemorySeries(one.labels, (chunk,)) for one in super()._find(selector) for chunk in one.chunks]


def series(*, chunks: list[int]) -> list[MemorySeries]:
    return [
        make_series({"n": f"{number:03d}"}, range(4 * count), [0.5] * 4 * count, samples_per_chunk=4)
        for number, count in enumerate(chunks)
    ]


@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=12), st.integers(1, 6), st.integers(1, 200), st.integers(1, 5)
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_each_series_is_whole_in_one_morsel_however_its_frames_are_cut(
    chunks: list[int], frame_rows: int, payload_bytes: int, rows: int
) -> None:
    async def gather() -> list[Frame]:
        with ThreadPoolExecutor(1) as pool:
            context = QueryContext(clock=SystemClock(), pool=pool)
            frames = Pieces(series(chunks=chunks), frame_rows=frame_rows).select(EVERYTHING, context)
            gathered = gather_morsels(frames, context, payload_bytes=payload_bytes, rows=rows)
            found = [morsel.join() async for morsel in gathered]
            assert context.budget.held_bytes == 0
            return found

    found = asyncio.run(gather())
    names = [str(frame.labels.labels(row)) for frame in found for row in range(len(frame.labels))]
    assert names == [f'{{n="{number:03d}"}}' for number in range(len(chunks))]
    assert [int(count) for frame in found for count in _chunk_counts(frame)] == chunks


def _chunk_counts(frame: Frame) -> list[int]:
    return [int((frame.chunks.row == row).sum()) for row in range(len(frame.labels))]


async def test_what_is_worked_on_counts_towards_the_budget(context: QueryContext) -> None:
    held: list[int] = []

    async def morsels() -> AsyncIterator[Morsel]:
        frames = MemoryStore(series(chunks=[3] * 8), frame_rows=2).select(EVERYTHING, context)
        async for morsel in gather_morsels(frames, context, payload_bytes=1):
            yield morsel

    def work(number: int, morsel: Morsel) -> int:
        held.append(context.budget.held_bytes - morsel.held_bytes)
        return number

    assert [number async for number in work_on_morsels(morsels(), work, context)] == list(range(8))
    assert min(held) >= 0
    assert context.budget.held_bytes == 0
