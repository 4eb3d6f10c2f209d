"""The series of one block that answer a Selector, in Store order.

    matchers -> postings -> series entries -> external labels laid over, replica labels taken away, sorted, cut

External labels are laid over the series' own, then replica labels are taken away; both can change the order, so the
labels of all series are known and sorted before the first chunk is read.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_header import IndexHeader
from promontory.block.meta import BlockMeta
from promontory.block.series import SeriesRows
from promontory.block.tombstones import Tombstones
from promontory.errors import CorruptionError
from promontory.kernels.tombstones import COVER_ALL
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.selector import Selector
from promontory.model.shard import select_shard
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME, TimeRange
from promontory.store.block_index import BlockIndex
from promontory.store.deletions import find_cover
from promontory.store.external_labels import strip_matchers
from promontory.store.known_series import MOST_SERIES, KnownSeriesCache, describe_series
from promontory.store.reads import Reading
from promontory.store.strip import source_text

RECORD_BYTES = 16_000
"""What a chunk record is taken to need where its end is not known, as in Thanos."""


@dataclass(frozen=True, slots=True)
class BlockParts:
    """What an opened block is made of; `segments` are the keys of its segment files by number, from 0.

    What its index says of few series is put into `known`, where there is one.
    """

    meta: BlockMeta
    index: BlockIndex
    segments: Mapping[int, str]
    tombstones: Tombstones
    record_bytes: int
    known: KnownSeriesCache | None = None

    def known_key(self, selector: Selector) -> Hashable:
        """Return under what the series of a selector are known, at whatever time.

        A meta.json may come to say other labels, and the block is opened anew.
        """
        return self.meta.ulid, self.meta.stream_labels, selector.matchers, selector.without_replica_labels

    @property
    def time_range(self) -> TimeRange:
        """The block's range with its last millisecond inside."""
        return TimeRange(self.meta.min_time_ms, max(self.meta.min_time_ms, self.meta.max_time_ms - 1))


@dataclass(frozen=True, slots=True)
class BlockSeries:
    """Series in Store order, int32[n], the source of their chunks, and what is wrong with series left out."""

    block: BlockParts
    rows: SeriesRows
    source: NDArray[np.int32]
    error: CorruptionError | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: NDArray[np.int64]) -> BlockSeries:
        """Return the series at `index`, in that order."""
        return BlockSeries(self.block, self.rows.take(index), self.source[index], self.error)

    @property
    def held_bytes(self) -> int:
        """Bytes of the entries and columns, without the labels."""
        rows = self.rows
        columns = rows.position.nbytes + rows.series_ref.nbytes + rows.chunk_count.nbytes
        return rows.data.nbytes + columns + self.source.nbytes


def find_series(
    block: BlockParts, header: IndexHeader, selector: Selector, symbols: SymbolTable
) -> Reading[BlockSeries]:
    """Return the matching series. Raises CorruptionError and BucketError."""
    matchers = strip_matchers(block.meta.stream_labels, selector.matchers)
    refs, is_new = np.empty(0, np.uint32), False
    if matchers is not None and block.time_range.overlaps(selector.time_range):
        refs = yield from block.index.expand(header, matchers)
        is_new = _is_worth_knowing(block, selector, len(refs))
    span = ALL_TIME if is_new else selector.time_range
    rows, error = yield from block.index.read_series(header, refs, span, symbols)
    if is_new:
        if error is None:
            _keep(block, rows, selector)
        rows = rows.within(selector.time_range)
    return _arrange(block, rows, selector, error)


def _is_worth_knowing(block: BlockParts, selector: Selector, series: int) -> bool:
    """Say whether what the index says of so many series is to be kept for queries to come."""
    if block.known is None or series > MOST_SERIES or len(block.tombstones):
        return False
    return block.known.find(block.known_key(selector)) is None


def _keep(block: BlockParts, rows: SeriesRows, selector: Selector) -> None:
    every = replace(selector, limit=0, shard=None)
    series = _arrange(block, rows, every, None)
    entry = describe_series(series.rows, series.source, record_bytes=block.record_bytes or RECORD_BYTES)
    if entry is not None and block.known is not None:
        block.known.keep(block.known_key(selector), entry)


def _arrange(block: BlockParts, rows: SeriesRows, selector: Selector, error: CorruptionError | None) -> BlockSeries:
    """Lay external labels over, strip replica labels, put in order, keep the shard, cut at the limit."""
    if len(block.tombstones):
        rows = rows.take(np.flatnonzero(_has_samples(rows, block.tombstones)))
    labels, source = _relabel(rows.labels, block.meta.stream_labels, selector.without_replica_labels)
    found = BlockSeries(block, rows.with_labels(labels), source, error)
    if not labels.is_sorted():
        found = found.take(labels.sort_index())
    if selector.shard is not None:
        found = found.take(np.flatnonzero(select_shard(found.rows.labels, selector.shard)))
    if selector.limit:
        found = found.take(np.flatnonzero(np.cumsum(~found.rows.labels.equal_neighbours()) <= selector.limit))
    return found


def _relabel(
    labels: LabelRows, external: Labels, replica_labels: Collection[bytes]
) -> tuple[LabelRows, NDArray[np.int32]]:
    """Return (the rows under the external labels and less the replica labels, int32[n]: the source these make).

    Where only external labels are replica labels, as is usual, all rows have one source, and none is laid over.
    """
    shared = Labels(tuple(pair for pair in external.pairs if pair[0] in replica_labels))
    others = Labels(tuple(pair for pair in external.pairs if pair[0] not in replica_labels))
    full = labels.without([name for name, _ in shared.pairs]).with_labels(others)
    if full.without(replica_labels) is full:
        code = labels.symbols.intern(source_text(shared))
        return full, np.full(len(full), code, np.int32)
    full = labels.with_labels(external)
    group, replicas = full.group(replica_labels, by=True)
    texts = [source_text(replicas.labels(row)) for row in range(len(replicas))]
    codes = np.array([labels.symbols.intern(text) for text in texts], np.int32)
    return full.without(replica_labels), codes[group]


def _has_samples(rows: SeriesRows, tombstones: Tombstones) -> NDArray[np.bool_]:
    entries = rows.read_chunks(0, len(rows))
    series_ref = rows.series_ref[entries.row].astype(np.int64)
    left = find_cover(entries.min_ms, entries.max_ms, series_ref, tombstones) != COVER_ALL
    return np.bincount(entries.row[left], minlength=len(rows)) > 0
