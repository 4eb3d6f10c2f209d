"""BlockStore: one block of a bucket as a Store.

Opening reads what every query needs; what a query reads is in block_frames.py. A corrupt part, or an object that has
gone, is tolerated by name; everything else of the block is served.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from promontory.block.meta import CHUNKS_DIRECTORY, INDEX_FILE, BlockMeta
from promontory.block.tombstones import LARGEST_BYTES, NO_TOMBSTONES, TOMBSTONES_FILE, Tombstones, parse_tombstones
from promontory.bucket.port import Bucket
from promontory.errors import BucketError, CorruptionError, ObjectNotFound
from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.matcher import Matcher
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo, TsdbInfo
from promontory.model.time_range import TimeRange
from promontory.store.block_frames import find_in_block, read_blocks
from promontory.store.block_index import BlockIndex
from promontory.store.block_series import BlockParts
from promontory.store.byte_ranges import GAP_BYTES
from promontory.store.external_labels import strip_matchers
from promontory.store.header_files import HeaderFile, prepare_header
from promontory.store.known_series import KnownSeriesCache
from promontory.store.small_indexes import SmallIndexes

WINDOW_BYTES = 4 << 20
LARGEST_GUESS_BYTES = 1 << 20
_SEGMENT_NAME = re.compile(r"[0-9]{6}")

Matchers = tuple[Matcher, ...]
_Find = Callable[[Matchers, Selector, QueryContext], Awaitable[Collection[bytes]]]


class BlockStore:
    """A block opened for reading."""

    def __init__(
        self,
        bucket: Bucket,
        meta: BlockMeta,
        headers: HeaderFile,
        tombstones: Tombstones,
        segments: Mapping[int, str],
        *,
        gap_bytes: int = GAP_BYTES,
        known: KnownSeriesCache | None = None,
    ) -> None:
        self.meta = meta
        self._bucket = bucket
        self._headers = headers
        self._gap_bytes = gap_bytes
        thanos = meta.thanos
        series_bytes = _trust(thanos.series_max_bytes) if thanos else 0
        record_bytes = _trust(thanos.chunk_max_bytes) if thanos else 0
        self._index = BlockIndex(meta.ulid, headers, series_bytes=series_bytes, gap_bytes=gap_bytes)
        self.parts = BlockParts(meta, self._index, segments, tombstones, record_bytes, known)

    @property
    def error(self) -> CorruptionError | None:
        """What is wrong with the index as a whole, as far as queries have found out."""
        return self._headers.error

    @property
    def time_range(self) -> TimeRange:
        """The block's range with its last millisecond inside."""
        return self.parts.time_range

    def describe(self) -> StoreInfo:
        """Return the block's labels and range."""
        labels = self.meta.stream_labels
        return StoreInfo(
            name=f"block {self.meta.ulid}",
            kind="store",
            label_sets=(labels,) if labels.pairs else (),
            time_range=self.time_range,
            tsdb_infos=(TsdbInfo(labels, self.time_range),),
        )

    def select(
        self, selector: Selector, context: QueryContext, *, window_bytes: int = WINDOW_BYTES
    ) -> AsyncGenerator[Frame, None]:
        """Yield the matching series in order; about `window_bytes` of chunks are held, twice."""
        return read_blocks(
            [self.parts], self._bucket, selector, context, window_bytes=window_bytes, gap_bytes=self._gap_bytes
        )

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted names of labels of matching series; no matchers means all series."""
        return await self._answer(self._label_names, selector, context)

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted values of one label among matching series; no matchers means all series."""
        if name in selector.without_replica_labels:
            return []
        return await self._answer(lambda *asked: self._label_values(name, *asked), selector, context)

    async def _answer(self, find: _Find, selector: Selector, context: QueryContext) -> list[bytes]:
        matchers = self._own_matchers(selector)
        if matchers is None:
            return []
        try:
            found = await find(matchers, replace(selector, limit=0), context)
        except (CorruptionError, BucketError) as error:
            context.tolerate(error)
            return []
        return sorted(found)[: selector.limit or None]

    async def _label_names(self, matchers: Matchers, selector: Selector, context: QueryContext) -> Collection[bytes]:
        if not matchers:
            header = await self._index.header()
            names = set(header.label_names()) | {name for name, _ in self.meta.stream_labels.pairs}
            return names - set(selector.without_replica_labels)
        found = await find_in_block(self.parts, self._bucket, selector, context)
        return [context.symbols.text(int(code)) for code in np.unique(found.rows.labels.name)]

    async def _label_values(
        self, name: bytes, matchers: Matchers, selector: Selector, context: QueryContext
    ) -> Collection[bytes]:
        external = self.meta.stream_labels.get(name)
        if not matchers:
            return [external] if external else (await self._index.header()).read_values(name).values()
        found = await find_in_block(self.parts, self._bucket, selector, context)
        codes = np.unique(found.rows.labels.column(name))
        return [context.symbols.text(int(code)) for code in codes if code]

    def _own_matchers(self, selector: Selector) -> Matchers | None:
        if not self.time_range.overlaps(selector.time_range):
            return None
        return strip_matchers(self.meta.stream_labels, selector.matchers)


async def open_block(
    bucket: Bucket,
    meta: BlockMeta,
    *,
    directory: Path | None = None,
    gap_bytes: int = GAP_BYTES,
    known: KnownSeriesCache | None = None,
    small: SmallIndexes | None = None,
) -> BlockStore:
    """Return a block opened for reading, its index header from `directory` or built.

    It adds to the `known` series, and its index to the `small` ones if it is.

    Raises CorruptionError or BucketError, which name the block.
    """
    headers, tombstones, segments = await asyncio.gather(
        prepare_header(bucket, meta.ulid, directory=directory, index_bytes=_index_bytes(meta), small=small),
        _load_tombstones(bucket, meta),
        _list_segments(bucket, meta),
    )
    return BlockStore(bucket, meta, headers, tombstones, segments, gap_bytes=gap_bytes, known=known)


async def _load_tombstones(bucket: Bucket, meta: BlockMeta) -> Tombstones:
    key = f"{meta.ulid}/{TOMBSTONES_FILE}"
    try:
        body = await bucket.get_range(key, 0, LARGEST_BYTES + 1)
    except ObjectNotFound:
        return NO_TOMBSTONES
    tombstones = parse_tombstones(body, source=f"tombstones of block {meta.ulid}")
    return tombstones.united() if len(tombstones) else tombstones


async def _list_segments(bucket: Bucket, meta: BlockMeta) -> dict[int, str]:
    """Return the keys of the segment files by their numbers in refs, which count from 0.

    Never by their place in the listing: where one is missing, the next would be read in its place, and it has good
    records at the same offsets.
    """
    prefix = f"{meta.ulid}/{CHUNKS_DIRECTORY}/"
    listed = [f"{meta.ulid}/{file.path}" for file in meta.thanos.files] if meta.thanos else []
    segments = _number_segments(listed, prefix)
    return segments or _number_segments([info.key async for info in bucket.list(prefix)], prefix)


def _number_segments(keys: Iterable[str], prefix: str) -> dict[int, str]:
    names = {key: key.removeprefix(prefix) for key in keys if key.startswith(prefix)}
    return {int(name) - 1: key for key, name in names.items() if _SEGMENT_NAME.fullmatch(name) and int(name) > 0}


def _index_bytes(meta: BlockMeta) -> int | None:
    files = meta.thanos.files if meta.thanos else ()
    return next((file.size_bytes for file in files if file.path == INDEX_FILE), None)


def _trust(claimed_bytes: int) -> int:
    """Return what a meta claims of its largest entry, as far as that helps: a larger one is read again."""
    return max(0, min(claimed_bytes, LARGEST_GUESS_BYTES))
