"""BlockStore: one block of a bucket as a Store.

    matchers -> postings -> series entries -> labels in Store order -> chunks, window by window -> Frames

External labels are laid over the series' own, then replica labels are taken away; both can change the order, so the
labels of all series are known and sorted before the first chunk is read. A corrupt part, or an object that has gone,
is tolerated by name; everything else of the block is served.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from promontory.block.meta import CHUNKS_DIRECTORY, INDEX_FILE, BlockMeta
from promontory.block.series import SeriesRows
from promontory.block.tombstones import LARGEST_BYTES, NO_TOMBSTONES, TOMBSTONES_FILE, Tombstones, parse_tombstones
from promontory.bucket.port import Bucket
from promontory.errors import BucketError, CorruptionError, ObjectNotFound
from promontory.kernels.tombstones import COVER_ALL
from promontory.model.context import QueryContext
from promontory.model.frame import Aggregate, ChunkColumns, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.matcher import Matcher
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo, TsdbInfo
from promontory.model.time_range import TimeRange
from promontory.store.aggregates import split_chunks
from promontory.store.block_chunks import WINDOW_BYTES, BlockChunks, WindowChunks
from promontory.store.block_index import BlockIndex
from promontory.store.byte_ranges import GAP_BYTES
from promontory.store.deletions import cut_deleted, find_cover
from promontory.store.external_labels import strip_matchers
from promontory.store.frames import join_frames, split_frame
from promontory.store.header_files import HeaderFile, prepare_header
from promontory.store.shard import select_shard
from promontory.store.strip import source_text

LABEL_FRAME_ROWS = 10_000
LARGEST_GUESS_BYTES = 1 << 20
_SEGMENT_NAME = re.compile(r"[0-9]{6}")

Matchers = tuple[Matcher, ...]
_Find = Callable[[Matchers, Selector, QueryContext], Awaitable[Collection[bytes]]]


@dataclass(frozen=True, slots=True)
class _Answer:
    """Series in Store order and int32[n], the source of their chunks."""

    rows: SeriesRows
    source: NDArray[np.int32]


class BlockStore:
    """A block opened for reading. `window_bytes` is about what one select holds of its chunks, twice."""

    def __init__(
        self,
        bucket: Bucket,
        meta: BlockMeta,
        headers: HeaderFile,
        tombstones: Tombstones,
        segments: Mapping[int, str],
        *,
        gap_bytes: int = GAP_BYTES,
    ) -> None:
        self.meta = meta
        self._headers = headers
        self._tombstones = tombstones
        thanos = meta.thanos
        series_bytes = _trust(thanos.series_max_bytes) if thanos else 0
        record_bytes = _trust(thanos.chunk_max_bytes) if thanos else 0
        self._index = BlockIndex(bucket, meta.ulid, headers, series_bytes=series_bytes, gap_bytes=gap_bytes)
        self._chunks = BlockChunks(bucket, meta.ulid, segments, record_bytes=record_bytes, gap_bytes=gap_bytes)

    @property
    def error(self) -> CorruptionError | None:
        """What is wrong with the index as a whole, as far as queries have found out."""
        return self._headers.error

    @property
    def time_range(self) -> TimeRange:
        """The block's range with its last millisecond inside."""
        return TimeRange(self.meta.min_time_ms, max(self.meta.min_time_ms, self.meta.max_time_ms - 1))

    def describe(self) -> StoreInfo:
        """Return the block's labels and range."""
        labels = self.meta.labels
        return StoreInfo(
            name=f"block {self.meta.ulid}",
            kind="store",
            label_sets=(labels,) if labels.pairs else (),
            time_range=self.time_range,
            tsdb_infos=(TsdbInfo(labels, self.time_range),),
        )

    async def select(
        self, selector: Selector, context: QueryContext, *, window_bytes: int = WINDOW_BYTES
    ) -> AsyncGenerator[Frame, None]:
        """Yield the matching series in order."""
        held_bytes = 0
        try:
            answer = await self._find(selector, context)
            held_bytes = answer.rows.labels.resident_bytes + answer.rows.data.nbytes
            context.budget.charge(held_bytes)
            if selector.skip_chunks:
                for frame in _label_frames(answer.rows.labels):
                    yield frame
                return
            async with aclosing(self._chunks.read(answer.rows, context, window_bytes=window_bytes)) as windows:
                async for window in windows:
                    frames, errors = await context.run(self._make_frames, answer, window, selector)
                    for error in errors:
                        context.tolerate(error)
                    for frame in frames:
                        yield frame
        except (CorruptionError, BucketError) as error:
            context.tolerate(error)
        finally:
            context.budget.release(held_bytes)

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
            names = set((await self._index.header()).label_names()) | {name for name, _ in self.meta.labels.pairs}
            return names - set(selector.without_replica_labels)
        answer = await self._find(selector, context)
        return [context.symbols.text(int(code)) for code in np.unique(answer.rows.labels.name)]

    async def _label_values(
        self, name: bytes, matchers: Matchers, selector: Selector, context: QueryContext
    ) -> Collection[bytes]:
        external = self.meta.labels.get(name)
        if not matchers:
            return [external] if external else (await self._index.header()).read_values(name).values()
        answer = await self._find(selector, context)
        codes = np.unique(answer.rows.labels.column(name))
        return [context.symbols.text(int(code)) for code in codes if code]

    def _own_matchers(self, selector: Selector) -> Matchers | None:
        if not self.time_range.overlaps(selector.time_range):
            return None
        return strip_matchers(self.meta.labels, selector.matchers)

    async def _find(self, selector: Selector, context: QueryContext) -> _Answer:
        matchers = strip_matchers(self.meta.labels, selector.matchers)
        refs = np.empty(0, np.uint32)
        if matchers is not None and self.time_range.overlaps(selector.time_range):
            refs = await self._index.expand(matchers, context)
        rows = await self._index.read_series(refs, selector.time_range, context)
        return await context.run(self._arrange, rows, selector)

    def _arrange(self, rows: SeriesRows, selector: Selector) -> _Answer:
        """Lay external labels over, strip replica labels, put in order, keep the shard, cut at the limit."""
        if len(self._tombstones):
            rows = rows.take(np.flatnonzero(self._has_samples(rows)))
        full = rows.labels.with_labels(self.meta.labels)
        labels, source = strip_replicas(full, selector.without_replica_labels)
        rows = rows.with_labels(labels)
        if not labels.is_sorted():
            index = labels.sort_index()
            rows, source = rows.take(index), source[index]
        if selector.shard is not None:
            index = np.flatnonzero(select_shard(rows.labels, selector.shard))
            rows, source = rows.take(index), source[index]
        if selector.limit:
            index = np.flatnonzero(np.cumsum(~rows.labels.equal_neighbours()) <= selector.limit)
            rows, source = rows.take(index), source[index]
        return _Answer(rows, source)

    def _has_samples(self, rows: SeriesRows) -> NDArray[np.bool_]:
        entries = rows.read_chunks(0, len(rows))
        series_ref = rows.series_ref[entries.row].astype(np.int64)
        left = find_cover(entries.min_ms, entries.max_ms, series_ref, self._tombstones) != COVER_ALL
        return np.bincount(entries.row[left], minlength=len(rows)) > 0

    def _make_frames(
        self, answer: _Answer, window: WindowChunks, selector: Selector
    ) -> tuple[list[Frame], list[CorruptionError]]:
        chunks, buffers, errors = window.chunks, window.buffers, []
        source = f"block {self.meta.ulid}"
        if len(self._tombstones):
            series_ref = answer.rows.series_ref[window.first : window.last][chunks.row].astype(np.int64)
            chunks, buffers, error = cut_deleted(chunks, buffers, series_ref, self._tombstones, source=source)
            errors += [error] if error else []
        chunks, unserved = split_chunks(chunks, buffers, selector.aggregates)
        if len(unserved):
            expected = " or ".join(Aggregate(kind).name.lower() for kind in selector.aggregates)
            found = f"none of them in {len(unserved)} chunks"
            errors.append(CorruptionError("aggregate chunk", source=source, offset=0, expected=expected, found=found))
        labels = answer.rows.labels.slice(window.first, window.last)
        chunks = replace(chunks, source=answer.source[window.first : window.last][chunks.row])
        frame = _less_rows_without_chunks(Frame(labels, chunks, buffers))
        if frame.labels.equal_neighbours().any():
            frame = join_frames([frame])
        return list(split_frame(frame)), errors


async def open_block(
    bucket: Bucket, meta: BlockMeta, *, directory: Path | None = None, gap_bytes: int = GAP_BYTES
) -> BlockStore:
    """Return a block opened for reading, its index header from `directory` or built.

    Raises CorruptionError or BucketError, which name the block.
    """
    headers, tombstones, segments = await asyncio.gather(
        prepare_header(bucket, meta.ulid, directory=directory, index_bytes=_index_bytes(meta)),
        _load_tombstones(bucket, meta),
        _list_segments(bucket, meta),
    )
    return BlockStore(bucket, meta, headers, tombstones, segments, gap_bytes=gap_bytes)


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


def strip_replicas(labels: LabelRows, names: Collection[bytes]) -> tuple[LabelRows, NDArray[np.int32]]:
    """Return (the rows less the labels named, int32[n]: the source that they make)."""
    left = labels.without(names)
    if left is labels:
        return labels, np.zeros(len(labels), np.int32)
    group, replicas = labels.group(names, by=True)
    texts = [source_text(replicas.labels(row)) for row in range(len(replicas))]
    codes = np.array([labels.symbols.intern(text) for text in texts], np.int32)
    return left, codes[group]


def _less_rows_without_chunks(frame: Frame) -> Frame:
    held = np.bincount(frame.chunks.row, minlength=len(frame.labels)) > 0
    if held.all():
        return frame
    row = (np.cumsum(held) - 1).astype(np.int32)
    return Frame(
        frame.labels.take(np.flatnonzero(held)), replace(frame.chunks, row=row[frame.chunks.row]), frame.buffers
    )


def _label_frames(labels: LabelRows) -> Iterator[Frame]:
    equal = labels.equal_neighbours()
    if equal.any():
        labels = labels.take(np.flatnonzero(~equal))
    for first in range(0, len(labels), LABEL_FRAME_ROWS):
        yield Frame(labels.slice(first, min(first + LABEL_FRAME_ROWS, len(labels))), ChunkColumns.empty(), ())
