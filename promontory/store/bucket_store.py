"""BucketStore: the blocks that count in a bucket, as one Store.

`sync` asks the catalog and opens what is new; a query asks the blocks that can answer, all at once, and merges.
One rule: nothing goes missing in silence. A block that could not be opened, or whose meta.json cannot be read, is named
in every answer that it could have had a part in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from promontory.block.meta import BlockMeta
from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket, LocalBucket
from promontory.errors import BucketError, CorruptionError, PromontoryError, StoreError
from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.labels import Labels
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo, TsdbInfo
from promontory.model.time_range import ALL_TIME, MAX_TIME_MS, MIN_TIME_MS, TimeRange
from promontory.store.block_choice import choose_blocks, may_hold
from promontory.store.block_estimates import estimate_block
from promontory.store.block_frames import read_blocks
from promontory.store.block_reasons import tell_passed
from promontory.store.block_store import WINDOW_BYTES, BlockStore, open_block
from promontory.store.byte_ranges import choose_gap
from promontory.store.estimates import BlockEstimate, SelectEstimate
from promontory.store.frames import held_bytes
from promontory.store.header_files import drop_headers
from promontory.store.known_series import KnownSeriesCache
from promontory.store.opening_gate import OpeningGate
from promontory.store.prompt_reads import read_now
from promontory.store.reads import carry_out
from promontory.store.small_indexes import SmallIndexes
from promontory.store.window_frames import less_rows_without_chunks

OPENED_AT_ONCE = 20
QUERY_WINDOWS_BYTES = 64 << 20
# One hop to the pool reads so much of a local disk.
LOCAL_WINDOW_BYTES = 8 << 20
SMALLEST_REQUEST_BYTES = 256 << 10
SMALLEST_PART_BYTES = 128 << 10


class BlockListing(Protocol):
    """What the store asks for its blocks: the catalog, or a fixed list."""

    async def list_blocks(self) -> tuple[Mapping[str, BlockMeta], Mapping[str, str]]:
        """Return the blocks that count by ULID, and why other blocks cannot be read, by ULID. Raises BucketError."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did: blocks loaded now, opened in this pass, dropped, and the errors of those that do not open."""

    loaded: int
    opened: tuple[str, ...]
    dropped: tuple[str, ...]
    failed: Mapping[str, PromontoryError]


class BucketStore:
    """The blocks of a bucket as a Store. `directory` keeps index headers; None keeps them in memory."""

    def __init__(
        self,
        bucket: Bucket,
        listing: BlockListing,
        *,
        directory: Path | None = None,
        gap_bytes: int | None = None,
        opened_at_once: int = OPENED_AT_ONCE,
    ) -> None:
        self._bucket = bucket
        self._listing = listing
        self._directory = directory
        self._gap_bytes = choose_gap(bucket) if gap_bytes is None else gap_bytes
        self._gate = OpeningGate(opened_at_once)
        self._local = bucket if isinstance(bucket, LocalBucket) else None
        self._known = None if self._local is None else KnownSeriesCache()
        self._small = SmallIndexes() if self._local is None else None
        self._blocks: dict[str, BlockStore] = {}
        self._failed: dict[str, tuple[BlockMeta, PromontoryError]] = {}
        self._unreadable: Mapping[str, str] = {}
        self._info = self._describe()

    def describe(self) -> StoreInfo:
        """Return label sets and ranges of the blocks; those that cannot be read count, as they have to be named."""
        return self._info

    async def sync(self) -> SyncReport:
        """Open new blocks and drop those that are gone. Raises BucketError; what was loaded stays loaded then."""
        metas, unreadable = await self._listing.list_blocks()
        dropped = [ulid for ulid in self._blocks if ulid not in metas]
        kept = {
            ulid: block for ulid, block in self._blocks.items() if block.error is None and metas.get(ulid) == block.meta
        }
        fresh = [meta for ulid, meta in metas.items() if ulid not in kept]
        if self._small is not None:
            self._small.forget_others(kept)
        opened = await asyncio.gather(*(self._open(meta) for meta in fresh))
        self._blocks = {
            **kept,
            **{block.meta.ulid: block for block in opened if isinstance(block, BlockStore)},
        }
        self._failed = {
            meta.ulid: (meta, error)
            for meta, error in zip(fresh, opened, strict=True)
            if isinstance(error, PromontoryError)
        }
        self._unreadable = dict(unreadable)
        self._info = self._describe()
        if self._directory is not None:
            await asyncio.to_thread(drop_headers, self._directory, keep=set(metas))
        return SyncReport(
            loaded=len(self._blocks),
            opened=tuple(block.meta.ulid for block in opened if isinstance(block, BlockStore)),
            dropped=tuple(dropped),
            failed={ulid: error for ulid, (_, error) in self._failed.items()},
        )

    async def select(self, selector: Selector, context: QueryContext) -> AsyncGenerator[Frame, None]:
        """Yield the series of all blocks that can answer, each label set once; `limit` counts these."""
        # Whoever wants to know what is read is shown the long way.
        small = self.answer_now(selector, context) if context.tally is None else None
        if small is not None:
            size_bytes = held_bytes(small)
            try:
                context.budget.charge(size_bytes)
                if len(small.chunks):
                    yield less_rows_without_chunks(small)
            finally:
                context.budget.release(size_bytes)
            return
        parts = [block.parts for block in self._choose(selector, context)]
        frames = read_blocks(
            parts, self._bucket, selector, context,
            window_bytes=self._choose_window(len(parts)), gap_bytes=self._gap_bytes,
        )  # fmt: skip
        with self._gate.query():
            async with aclosing(frames):
                async for frame in frames:
                    yield frame

    def answer_now(self, selector: Selector, context: QueryContext) -> Frame | None:
        """Return the answer where all blocks know the series, which are few, and their chunks are in memory."""
        if self._local is None or self._known is None or self._unreadable or self._failed:
            return None
        parts = [block.parts for block in self._choose(selector, context)]
        return read_now(parts, self._known, self._local, selector, context.symbols)

    async def estimate(self, selector: Selector, context: QueryContext) -> SelectEstimate:
        """Return what `select` would read; postings are read, series and chunks are not."""
        chosen = self._choose(selector, context)
        # A window has records of all blocks.
        window_bytes = self._choose_window(len(chosen)) // max(1, len(chosen))

        async def estimate(block: BlockStore) -> BlockEstimate | None:
            try:
                header = await block.parts.index.header()
                reading = estimate_block(
                    block.parts, header, selector, gap_bytes=self._gap_bytes, window_bytes=window_bytes
                )
                return await carry_out(reading, self._bucket, context)
            except (CorruptionError, BucketError) as error:
                context.tolerate(error)
                return None

        blocks = [block for block in await map_concurrently(estimate, chosen) if block is not None]
        metas = [block.meta for block in self._blocks.values()]
        passed = tell_passed(metas, {block.meta.ulid for block in chosen}, selector)
        return SelectEstimate(tuple(blocks), tuple(passed))

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted names of labels of matching series in all blocks."""
        return await self._unite(selector, context, lambda block, asked: block.label_names(asked, context))

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted values of one label among matching series in all blocks."""
        return await self._unite(selector, context, lambda block, asked: block.label_values(name, asked, context))

    async def _unite(
        self,
        selector: Selector,
        context: QueryContext,
        ask: Callable[[BlockStore, Selector], Awaitable[list[bytes]]],
    ) -> list[bytes]:
        unlimited = replace(selector, limit=0)
        with self._gate.query():
            answers = await map_concurrently(lambda block: ask(block, unlimited), self._choose(selector, context))
        return sorted({text for answer in answers for text in answer})[: selector.limit or None]

    def _choose(self, selector: Selector, context: QueryContext) -> list[BlockStore]:
        """Return the blocks to ask; name those that would have been asked too."""
        for ulid, reason in self._unreadable.items():
            context.tolerate(StoreError(f"block {ulid} cannot be read: {reason}", endpoint=self._bucket.name))
        for ulid, (meta, error) in self._failed.items():
            if may_hold(meta, selector) and meta.resolution_ms <= selector.max_resolution_ms:
                context.tolerate(StoreError(f"block {ulid} cannot be read: {error}", endpoint=self._bucket.name))
        metas = choose_blocks((block.meta for block in self._blocks.values()), selector)
        return [self._blocks[meta.ulid] for meta in metas]

    async def _open(self, meta: BlockMeta) -> BlockStore | PromontoryError:
        async with self._gate.opening():
            try:
                return await open_block(
                    self._bucket, meta, directory=self._directory, gap_bytes=self._gap_bytes,
                    known=self._known, small=self._small,
                )  # fmt: skip
            except PromontoryError as error:
                return error

    def _choose_window(self, blocks: int) -> int:
        """Return the bytes of a window over so many blocks: a request to a network has to be worth its while."""
        if self._local is not None:
            return max(LOCAL_WINDOW_BYTES, SMALLEST_PART_BYTES * blocks)
        return min(WINDOW_BYTES * max(1, blocks), max(QUERY_WINDOWS_BYTES, SMALLEST_REQUEST_BYTES * blocks))

    def _describe(self) -> StoreInfo:
        metas = [block.meta for block in self._blocks.values()] + [meta for meta, _ in self._failed.values()]
        infos = tuple(_join_ranges(metas))
        low = min((info.time_range.min_time_ms for info in infos), default=MAX_TIME_MS)
        high = max((info.time_range.max_time_ms for info in infos), default=MIN_TIME_MS)
        return StoreInfo(
            name=self._bucket.name,
            kind="store",
            label_sets=() if self._unreadable else tuple(sorted({info.labels for info in infos})),
            time_range=ALL_TIME if self._unreadable else TimeRange(low, high),
            tsdb_infos=() if self._unreadable else infos,
        )


def _join_ranges(metas: Iterable[BlockMeta]) -> Iterable[TsdbInfo]:
    """Yield the ranges of each label set, those that touch joined, the last millisecond inside."""
    by_labels: dict[Labels, list[tuple[int, int]]] = {}
    for meta in sorted(metas, key=lambda meta: meta.min_time_ms):
        ranges = by_labels.setdefault(meta.stream_labels, [])
        end = max(meta.max_time_ms, meta.min_time_ms + 1)
        if ranges and meta.min_time_ms <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], end))
        else:
            ranges.append((meta.min_time_ms, end))
    for labels, ranges in sorted(by_labels.items()):
        for start, end in ranges:
            yield TsdbInfo(labels, TimeRange(start, end - 1))
