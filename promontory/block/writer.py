"""BlockWriter: chunks of label-sorted series to a block directory that Prometheus and Thanos read.

    <ulid>.tmp-for-creation/  chunks/000001 …, index, tombstones, meta.json     synced, then renamed to <ulid>/

Rule: a directory named by a ULID is a whole block, at any moment; Prometheus deletes leftovers of the other name at
its start. Chunks go to disk as they come, and so do labels and entries of series once there are many.
Source: Prometheus 3.14, tsdb/compact.go, tsdb/tombstones/tombstones.go. Format: docs/formats/block.md.
"""

from __future__ import annotations

import dataclasses
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_writer import write_index
from promontory.block.meta import (
    CHUNKS_DIRECTORY,
    INDEX_FILE,
    META_FILE,
    BlockFile,
    BlockMeta,
    BlockStats,
    Compaction,
    ThanosMeta,
    render_meta,
)
from promontory.block.prepared import PreparedSeries, prepare_series
from promontory.block.segments import SEGMENT_LIMIT_BYTES, SegmentWriter, sync_path
from promontory.block.series_spool import IndexedSeries, SeriesSpool
from promontory.errors import InputError
from promontory.kernels.index_write import CHUNK_ROOM, ENTRY_ROOM, encode_chunk_entries
from promontory.model.frame import ChunkColumns
from promontory.model.label_rows import LabelRows
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import MAX_TIME_MS

TEMPORARY_SUFFIX = ".tmp-for-creation"
TOMBSTONES_FILE = "tombstones"
# Magic, version 1, and the CRC32C of no entries.
NO_TOMBSTONES = struct.pack(">IBI", 0x0130BA30, 1, 0)


class BlockWriter:
    """Writes one block. Leaving the context without `finish` (or `publish`) takes everything away again."""

    def __init__(
        self,
        directory: Path,
        *,
        ulid: str,
        symbols: SymbolTable,
        thanos: ThanosMeta | None = None,
        compaction: Compaction | None = None,
        range_ms: tuple[int, int] | None = None,
        segment_limit_bytes: int = SEGMENT_LIMIT_BYTES,
        durable: bool = True,
    ) -> None:
        """Begin a block in `directory`; the codes of all labels given live in `symbols`.

        No `thanos` makes a plain Prometheus block, no `compaction` one of level 1. `range_ms` is the range [start, end)
        that meta.json gives, else that of the samples. Not durable skips the syncs.
        """
        self._target = directory / ulid
        self._path = directory / (ulid + TEMPORARY_SUFFIX)
        self._ulid = ulid
        self._symbols = symbols
        self._thanos = thanos
        self._compaction = compaction or Compaction(level=1, sources=(ulid,))
        self._durable = durable
        self._last: LabelRows | None = None
        self._given_range_ms = range_ms
        self._range_ms: tuple[int, int] | None = None
        self._stats = BlockStats()
        self._chunk_max_bytes = 0
        self._path.mkdir(parents=True)
        self._series = SeriesSpool(self._path, symbols)
        self._segments = SegmentWriter(self._path / CHUNKS_DIRECTORY, limit_bytes=segment_limit_bytes)

    def __enter__(self) -> BlockWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._series.close()
        shutil.rmtree(self._path, ignore_errors=True)

    @property
    def sample_count(self) -> int:
        """How many samples were added."""
        return self._stats.sample_count

    def add(self, labels: LabelRows, chunks: ChunkColumns, buffers: Sequence[NDArray[np.uint8]]) -> None:
        """Add series after those added before, in order, each whole. `chunks` are sorted by row and time.

        Rows without chunks are left out. Raises InputError where series are out of order or chunks overlap.
        """
        self.add_prepared(prepare_series(labels, chunks, buffers))

    def add_prepared(self, series: PreparedSeries) -> None:
        """Add series whose chunk records are made already, by `prepare_series`, which any thread can call."""
        if not len(series.labels):
            return
        if int(series.max_ms.max()) == MAX_TIME_MS:
            raise InputError(f"samples of a block: expected times before {MAX_TIME_MS} ms, the end of its range")
        self._check_order(series.labels)
        refs = self._segments.append(series.records, series.position)
        self._note_entries(series, refs)
        self._note_stats(series)

    def finish(self) -> BlockMeta:
        """Seal and publish the block; return its meta."""
        meta = self.seal()
        self.publish()
        return meta

    def seal(self) -> BlockMeta:
        """Write index, tombstones and meta.json; return the meta. The directory has its temporary name still."""
        assert self._range_ms is not None, "a block needs a series"
        self._segments.flush()
        series_max_bytes = write_index(self._path / INDEX_FILE, self._series)
        self._series.close()
        (self._path / TOMBSTONES_FILE).write_bytes(NO_TOMBSTONES)
        start_ms, end_ms = self._given_range_ms or (self._range_ms[0], self._range_ms[1] + 1)
        assert start_ms <= self._range_ms[0] <= self._range_ms[1] < end_ms, "samples outside of the block's range"
        meta = BlockMeta(
            ulid=self._ulid,
            min_time_ms=start_ms,
            max_time_ms=end_ms,
            stats=self._stats,
            compaction=self._compaction,
            thanos=self._complete_thanos(series_max_bytes),
        )
        (self._path / META_FILE).write_bytes(render_meta(meta))
        if self._durable:
            self._sync()
        return meta

    def publish(self) -> None:
        """Give the sealed directory its name."""
        self._path.rename(self._target)
        if self._durable:
            sync_path(self._target.parent)

    def _check_order(self, rows: LabelRows) -> None:
        assert rows.symbols is self._symbols, "labels of another symbol table"
        bad = rows.find_descent()
        if bad == len(rows):
            equal = np.flatnonzero(rows.equal_neighbours())
            bad = int(equal[0]) if len(equal) else bad
        if bad == len(rows) and self._last is not None:
            bad = bad if self._last.compare(0, rows, 0) < 0 else 0
        if bad < len(rows):
            raise InputError(f"series of a block: expected each once and in order, found {rows.labels(bad)} too late")

    def _note_entries(self, series: PreparedSeries, refs: NDArray[np.int64]) -> None:
        rows, chunk_start = series.labels, series.chunk_start
        out = np.empty(len(rows) * ENTRY_ROOM + len(refs) * CHUNK_ROOM, np.uint8)
        entry_start = np.empty(len(rows) + 1, np.int64)
        bad = encode_chunk_entries(chunk_start, series.min_ms, series.max_ms, refs, out, entry_start)
        if bad >= 0:
            row = int(np.searchsorted(chunk_start, bad, side="right")) - 1
            raise InputError(
                f"chunks of {rows.labels(row)}: expected one after the other, found "
                f"{series.min_ms[bad]} to {series.max_ms[bad]} out of place"
            )
        self._series.append(IndexedSeries(rows, out[: entry_start[-1]].copy(), entry_start))
        self._last = rows.take(np.array([len(rows) - 1]))

    def _note_stats(self, series: PreparedSeries) -> None:
        low, high = int(series.min_ms.min()), int(series.max_ms.max())
        before = self._range_ms or (low, high)
        self._range_ms = min(before[0], low), max(before[1], high)
        self._chunk_max_bytes = max(self._chunk_max_bytes, int(np.diff(series.position).max()))
        self._stats = dataclasses.replace(
            self._stats,
            sample_count=self._stats.sample_count + series.sample_count,
            float_sample_count=self._stats.float_sample_count + series.float_count,
            histogram_sample_count=self._stats.histogram_sample_count + series.histogram_count,
            series_count=self._stats.series_count + len(series.labels),
            chunk_count=self._stats.chunk_count + len(series.min_ms),
        )

    def _complete_thanos(self, series_max_bytes: int) -> ThanosMeta | None:
        if self._thanos is None:
            return None
        segments = [f"{CHUNKS_DIRECTORY}/{path.name}" for path in self._segments.paths]
        files = [BlockFile(name, (self._path / name).stat().st_size) for name in (*segments, INDEX_FILE)]
        return dataclasses.replace(
            self._thanos,
            files=(*files, BlockFile(META_FILE)),
            segment_files=tuple(path.name for path in self._segments.paths),
            series_max_bytes=series_max_bytes,
            chunk_max_bytes=self._chunk_max_bytes,
        )

    def _sync(self) -> None:
        files = (self._path / name for name in (INDEX_FILE, TOMBSTONES_FILE, META_FILE))
        for path in (*self._segments.paths, *files, self._path / CHUNKS_DIRECTORY, self._path):
            sync_path(path)
