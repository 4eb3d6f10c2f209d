"""Morsels: about 2 MB of whole series, gathered from a sorted stream of Frames and worked on side by side.

A morsel is what one thread of the kernel pool works on at a time: large enough that the way to the pool does not
count, small enough that what is in flight is little. It is cut and handed on without a look at its chunks; the thread
that works on it joins its parts. The event loop waits for the stream and for the pool at once, so that a slow Store
does not hold back what is worked on.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.store.frames import held_bytes, join_frames, slice_rows
from promontory.store.merge import close_stream

MORSEL_BYTES = 2 << 20
MORSELS_IN_FLIGHT = 4
# What is gathered goes out with so much of a morsel: waiting for a whole one would leave threads idle.
LEAST_SHARE = 0.75
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Morsel:
    """Parts in Store order. A series that goes on in the next part is one of them; none goes on in another morsel."""

    parts: tuple[Frame, ...]

    @property
    def held_bytes(self) -> int:
        """What it counts against a query's budget."""
        return sum(held_bytes(part) for part in self.parts)

    def join(self) -> Frame:
        """Return the rows, each series once."""
        return join_frames(self.parts)


async def gather_morsels(
    frames: AsyncIterator[Frame], context: QueryContext, *, payload_bytes: int = MORSEL_BYTES, rows: int = 1 << 31
) -> AsyncGenerator[Morsel, None]:
    """Yield a sorted stream in morsels of about `payload_bytes` or `rows` series, each series whole and once."""
    gathering = _Gathering(payload_bytes, rows)
    charged_bytes = 0
    try:
        async for frame in frames:
            for morsel in gathering.add(frame):
                yield morsel
            context.budget.release(charged_bytes)
            charged_bytes = gathering.held_bytes
            context.budget.charge(charged_bytes)
        for morsel in gathering.end():
            yield morsel
    finally:
        context.budget.release(charged_bytes)
        await close_stream(frames)


async def work_on_morsels(
    morsels: AsyncIterator[Morsel], work: Callable[[int, Morsel], Done], context: QueryContext
) -> AsyncGenerator[Done, None]:
    """Yield what `work` makes in the pool of each morsel and its number, in their order, several at a time.

    Raises LimitError at the query's deadline, whatever is waited for.
    """
    flying: deque[tuple[asyncio.Task[Done], int]] = deque()
    fetch: asyncio.Task[Morsel | None] | None = asyncio.ensure_future(_next_morsel(morsels))
    number = 0
    try:
        while flying or fetch is not None:
            if flying and (fetch is None or flying[0][0].done() or len(flying) >= MORSELS_IN_FLIGHT):
                await _wait({flying[0][0]}, context)
                done, size_bytes = flying.popleft()
                context.budget.release(size_bytes)
                yield done.result()
                continue
            assert fetch is not None
            await _wait({fetch, *(task for task, _ in flying if task is flying[0][0])}, context)
            if not fetch.done():
                continue
            morsel = fetch.result()
            fetch = None
            if morsel is not None:
                flying.append((asyncio.ensure_future(context.run(work, number, morsel)), morsel.held_bytes))
                context.budget.charge(morsel.held_bytes)
                number += 1
                fetch = asyncio.ensure_future(_next_morsel(morsels))
    finally:
        left = [*(task for task, _ in flying), *([fetch] if fetch is not None else [])]
        context.budget.release(sum(size_bytes for _, size_bytes in flying))
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


class _Gathering:
    """What is in hand between two Frames: whole series that are not yet a morsel, and the last one, which may go on.

    A morsel is about 1 in all: its share of the bytes and that of the number of series.
    """

    def __init__(self, payload_bytes: int, rows: int) -> None:
        self._payload_bytes = payload_bytes
        self._row_share = 1 / rows
        self._whole: list[Frame] = []
        self._share = 0.0
        self._last: list[Frame] = []

    @property
    def held_bytes(self) -> int:
        """What is in hand."""
        return sum(held_bytes(part) for part in (*self._whole, *self._last))

    def add(self, frame: Frame) -> Iterator[Morsel]:
        """Take a Frame and yield the morsels that are ready."""
        first, last = 0, len(frame.labels)
        if self._last:
            first = _count_equal(self._last[0], frame)
            if first:
                self._last.append(slice_rows(frame, 0, first))
            if first == last:
                return
            yield from self._take(*self._last)
        while last - 1 > first and frame.labels.compare(last - 2, frame.labels, last - 1) == 0:
            last -= 1
        yield from self._cut(slice_rows(frame, first, last - 1))
        self._last = [slice_rows(frame, last - 1, len(frame.labels))]

    def end(self) -> Iterator[Morsel]:
        """Yield what is left."""
        self._whole += self._last
        self._last = []
        if self._whole:
            yield self._give()

    def _cut(self, frame: Frame) -> Iterator[Morsel]:
        """Take the rows in pieces of equal shares, never between two of one series."""
        rows = len(frame.labels)
        pieces = max(1, math.ceil(self._share_of(frame)))
        if pieces > 1:
            payload = np.bincount(frame.chunks.row, weights=frame.chunks.length, minlength=rows)
            shares = np.cumsum(payload / self._payload_bytes + self._row_share)
        first = 0
        for number in range(1, pieces + 1):
            last = rows if number == pieces else int(np.searchsorted(shares, shares[-1] * number / pieces))
            while first < last < rows and frame.labels.compare(last - 1, frame.labels, last) == 0:
                last += 1
            if last > first:
                yield from self._take(slice_rows(frame, first, last))
                first = last

    def _take(self, *parts: Frame) -> Iterator[Morsel]:
        self._whole += parts
        self._share += sum(map(self._share_of, parts))
        if self._share >= LEAST_SHARE:
            yield self._give()

    def _give(self) -> Morsel:
        morsel = Morsel(tuple(self._whole))
        self._whole, self._share = [], 0.0
        return morsel

    def _share_of(self, frame: Frame) -> float:
        return frame.payload_bytes / self._payload_bytes + len(frame.labels) * self._row_share


def _count_equal(part: Frame, frame: Frame) -> int:
    """Return how many rows at the beginning of the frame are the series that `part` ends with."""
    count = 0
    while count < len(frame.labels) and part.labels.compare(len(part.labels) - 1, frame.labels, count) == 0:
        count += 1
    return count


async def _wait(tasks: set[asyncio.Task[Done] | asyncio.Task[Morsel | None]], context: QueryContext) -> None:
    """Wait for one of the tasks, or raise LimitError at the query's deadline."""
    while True:
        context.check()
        done, _ = await asyncio.wait(tasks, timeout=context.remaining_s(), return_when=asyncio.FIRST_COMPLETED)
        if done:
            return


async def _next_morsel(morsels: AsyncIterator[Morsel]) -> Morsel | None:
    return await anext(morsels, None)
