"""Estimates: what a select would read of a Store, told before a chunk is read.

How: the postings of each block say which series match, exactly but for their chunks' times. Its meta.json says how
many series, chunks and samples it holds and how large its chunk files are; a series is taken for an average one, its
chunks and samples for evenly spread over the block's time and its records for lying in the order of the series.
So samples are those of every replica, before these are made one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from promontory.model.context import QueryContext
from promontory.model.labels import Labels
from promontory.model.selector import Selector


@dataclass(frozen=True, slots=True)
class BlockEstimate:
    """What would be read of one block of external `labels`.

    `chunk_bytes` are the bytes of the chunks, 0 where the block does not say how large its files are; `read_bytes` all
    bytes that would be asked for, in `requests` byte ranges.
    """

    ulid: str
    labels: Labels
    series: int = 0
    chunks: int = 0
    samples: int = 0
    chunk_bytes: int = 0
    read_bytes: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Passed:
    """A part that is not asked, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class SelectEstimate:
    """What would be read of all blocks; `untold` are asked too, but cannot tell beforehand what they hold."""

    blocks: tuple[BlockEstimate, ...] = ()
    passed: tuple[Passed, ...] = ()
    untold: tuple[Passed, ...] = ()

    @property
    def series(self) -> int:
        """The most that any block of a label set has, added up over the label sets: blocks share their series."""
        most: dict[Labels, int] = {}
        for block in self.blocks:
            most[block.labels] = max(most.get(block.labels, 0), block.series)
        return sum(most.values())

    @property
    def chunks(self) -> int:
        """Chunks of all blocks."""
        return sum(block.chunks for block in self.blocks)

    @property
    def samples(self) -> int:
        """Samples of all blocks within the time range."""
        return sum(block.samples for block in self.blocks)

    @property
    def chunk_bytes(self) -> int:
        """Bytes of the chunks."""
        return sum(block.chunk_bytes for block in self.blocks)

    @property
    def read_bytes(self) -> int:
        """All bytes that would be asked for."""
        return sum(block.read_bytes for block in self.blocks)

    @property
    def requests(self) -> int:
        """Byte ranges that would be asked for."""
        return sum(block.requests for block in self.blocks)


@runtime_checkable
class Estimating(Protocol):
    """A Store that can tell beforehand what a select would read."""

    async def estimate(self, selector: Selector, context: QueryContext) -> SelectEstimate:
        """Return what would be read; no chunk is."""


def join_estimates(estimates: Sequence[SelectEstimate]) -> SelectEstimate:
    """Return several Stores' estimates as one."""
    return SelectEstimate(
        tuple(block for one in estimates for block in one.blocks),
        tuple(passed for one in estimates for passed in one.passed),
        tuple(untold for one in estimates for untold in one.untold),
    )


async def estimate_of(store: object, selector: Selector, context: QueryContext, *, name: str) -> SelectEstimate:
    """Return the estimate of a Store, or that it tells none."""
    if isinstance(store, Estimating):
        return await store.estimate(selector, context)
    return SelectEstimate(untold=(Passed(name, "tells what it holds only when it is read"),))


async def estimate_all(
    stores: Sequence[tuple[object, str]], selector: Selector, context: QueryContext
) -> SelectEstimate:  # fmt: skip
    """Return the estimate of several Stores, each with its name, asked at once."""
    asked = [asyncio.ensure_future(estimate_of(store, selector, context, name=name)) for store, name in stores]
    try:
        return join_estimates(await asyncio.gather(*asked))
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
