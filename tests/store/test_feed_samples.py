"""Samples that are fed: decoded and prepared side by side, absorbed in order, given up as a whole."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.errors import CorruptionError, LimitError
from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.frame import Encoding
from promontory.model.samples import Samples
from promontory.model.selector import Selector
from promontory.model.time_range import TimeRange
from promontory.store.samples import UNSUPPORTED_WARNING, feed_samples
from promontory.testing.memory_store import Fault, MemoryChunk, MemorySeries, MemoryStore, make_series

EVERYTHING = Selector(matchers=(), time_range=TimeRange(0, 10**12))
PATIENCE_S = 10


class Notes:
    """A feed that notes what it is given; `held_back` names the first series of a morsel that comes last."""

    def __init__(self, *, rows_at_once: int = 1, held_back: str = "", refused: str = "") -> None:
        self.rows_at_once = rows_at_once
        self.sizes: list[int] = []
        self.absorbed: list[str] = []
        self._held_back = held_back
        self._refused = refused
        self._others_prepared = threading.Event()

    def prepare(self, samples: Samples) -> list[str]:
        self.sizes.append(len(samples))
        names = [str(samples.labels.labels(row)) for row in range(len(samples))]
        if self._held_back in names:
            assert self._others_prepared.wait(PATIENCE_S)
        elif self._held_back:
            self._others_prepared.set()
        return names

    def absorb(self, prepared: list[str]) -> None:
        if self._refused in prepared:
            raise LimitError("refused")
        self.absorbed += prepared


def many(count: int) -> list[MemorySeries]:
    return [make_series({"n": f"{number:02d}"}, range(20), [0.5] * 20) for number in range(count)]


async def feed(store: MemoryStore, context: QueryContext, notes: Notes) -> None:
    try:
        await feed_samples(store, EVERYTHING, context, notes, replica_labels=(), deduplicate=False)
    finally:
        # A thread may still be at work on a query that was given up: its pool is idle after it.
        await asyncio.get_running_loop().run_in_executor(context.pool, threading.Barrier(1).wait)


async def test_morsels_are_absorbed_in_the_order_of_the_store(context: QueryContext) -> None:
    notes = Notes(held_back='{n="00"}')
    await feed(MemoryStore(many(20), frame_rows=3), context, notes)
    assert notes.absorbed == [f'{{n="{number:02d}"}}' for number in range(20)]
    assert context.budget.held_bytes == 0


async def test_a_feed_is_given_no_more_series_at_a_time_than_it_wants(context: QueryContext) -> None:
    notes = Notes(rows_at_once=4)
    await feed(MemoryStore(many(22)), context, notes)
    assert sum(notes.sizes) == 22
    assert max(notes.sizes) <= 4 + 4 // 2


async def test_what_a_feed_refuses_ends_the_select_and_gives_back_what_was_held(context: QueryContext) -> None:
    notes = Notes(refused='{n="05"}')
    with pytest.raises(LimitError, match="refused"):
        await feed(MemoryStore(many(20)), context, notes)
    assert notes.absorbed == [f'{{n="{number:02d}"}}' for number in range(5)]


async def test_samples_count_towards_the_budget_until_they_are_absorbed() -> None:
    series = [make_series({"n": "1"}, range(1000), [1.0] * 1000)]
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool, budget=Budget(3000))
        with pytest.raises(LimitError, match="query would hold"):
            await feed(MemoryStore(series), context, Notes())
        assert context.budget.held_bytes == 0


async def test_the_deadline_ends_a_wait_for_a_store(pool: ThreadPoolExecutor) -> None:
    fault = Fault(after_frames=0, gate=asyncio.Event())
    context = QueryContext(clock=SystemClock(), pool=pool, timeout_s=0.05)
    with pytest.raises(LimitError, match="timed out"):
        await feed(MemoryStore(many(1), fault=fault), context, Notes())
    assert fault.ended.is_set()


async def test_a_stopped_query_feeds_nothing(context: QueryContext) -> None:
    context.stop[0] = 1
    notes = Notes()
    with pytest.raises(LimitError, match="canceled"):
        await feed(MemoryStore(many(3)), context, notes)
    assert notes.absorbed == []
    assert context.budget.held_bytes == 0


async def test_chunks_that_cannot_be_read_are_told_though_nothing_is_left_to_feed(context: QueryContext) -> None:
    (name,) = (series.labels for series in many(1))
    await feed(MemoryStore([MemorySeries(name, (MemoryChunk(0, 1, b"\0\5\xff"),))]), context, Notes())
    (warning,) = context.warnings
    assert "chunks cannot be read" in warning
    unknown = MemoryChunk(0, 1, b"\0\1x", encoding=Encoding.AGGREGATES)
    await feed(MemoryStore([MemorySeries(name, (unknown,))]), context, Notes())
    assert list(context.warnings)[1:] == [UNSUPPORTED_WARNING]


async def test_a_chunk_that_cannot_be_read_fails_a_query_that_wants_all_or_nothing(pool: ThreadPoolExecutor) -> None:
    context = QueryContext(clock=SystemClock(), pool=pool, partial_response=False)
    (name,) = (series.labels for series in many(1))
    with pytest.raises(CorruptionError):
        await feed(MemoryStore([MemorySeries(name, (MemoryChunk(0, 1, b"\0\5\xff"),))]), context, Notes())
