"""Verifying a block: everything that it claims, compared with its bytes.

    meta.json, files  ->  index: head, TOC, CRCs, symbols, tables  ->  series, postings  ->  every chunk  ->  counts

Entries of series are read in windows; the chunks of a window are checked in morsels by the kernel pool while the next
window is read. What cannot be read is a fault, and all that does not depend on it is checked still.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from promontory.block.index_layout import SERIES_ALIGNMENT
from promontory.block.meta import INDEX_FILE, META_FILE, BlockMeta
from promontory.block.segments import SEGMENT_HEAD, segment_path
from promontory.block.series import ChunkEntries
from promontory.block_check.chunk_morsel import MorselReport, check_morsel
from promontory.block_check.fault import Faults
from promontory.block_check.files import BlockFiles
from promontory.block_check.index_view import IndexView, SeriesWindow, show_labels
from promontory.block_check.segments import Segments
from promontory.block_check.verify_files import check_index_is_there, check_meta, check_tombstones
from promontory.block_check.verify_index import check_all_series, check_index
from promontory.block_check.verify_postings import PostingsCheck
from promontory.block_check.verify_series import SeriesCheck
from promontory.errors import StoppedError
from promontory.kernels.chunk_windows import OFFSET_MASK, SEGMENT_SHIFT

MORSEL_CHUNKS = 2048
MORSELS_IN_FLIGHT = 16
UNCOUNTED = ("series_entry", "missing_file", "chunk_crc", "chunk_cut", "chunk_bytes", "chunk_encoding")
"""Faults whose samples are not counted."""

Progress = Callable[[int, int], None]
"""Is told (bytes of chunks checked, bytes of all chunks)."""


@dataclass(slots=True)
class Report:
    """What was checked, what is wrong, and `summary`, what Thanos says of such a block, made of `index_counts`.

    `weight` is how many raw samples the samples stand for: in an aggregate chunk the sum of its counts, elsewhere
    one each, but none for NaN.
    """

    block: str
    faults: Faults
    series_count: int = 0
    chunk_count: int = 0
    sample_count: int = 0
    histogram_count: int = 0
    weight: int = 0
    record_bytes: int = 0
    unreferenced_bytes: int = 0
    summary: list[str] = field(default_factory=list)
    index_counts: Counter[str] = field(default_factory=Counter)


def verify(
    files: BlockFiles,
    *,
    limit: int,
    workers: int,
    progress: Progress = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
    read_chunks: bool = True,
) -> Report:
    """Return what was found in a block; at most `limit` faults are described.

    Without `read_chunks` it is meta.json and the index that are checked. Raises BucketError, StoppedError.
    """
    report = Report(files.key, Faults(limit))
    meta = check_meta(files, report.faults)
    segments = Segments(files)
    if read_chunks:
        _check_heads(segments, report.faults)
    if not check_index_is_there(files, report.faults):
        return report
    view = check_index(files.read(INDEX_FILE), report.faults)
    if view is None:
        report.faults.add("unchecked", INDEX_FILE, "series and chunks are not checked: the index cannot be read")
        return report
    refs = check_all_series(view, report.faults)
    check_tombstones(files, refs, meta, report.faults)
    postings, series = PostingsCheck(view, report.faults), SeriesCheck(view, meta, report.faults)
    with ThreadPoolExecutor(workers) as pool:
        chunks = _ChunkCheck(view, segments, pool, report, progress)
        for window in view.read_series(refs):
            if stop():
                raise StoppedError(f"block {files.key}: told to stop before all of it was checked")
            if read_chunks:
                chunks.add(window)
            series.add(window)
            postings.add(window)
            files.release(INDEX_FILE, int(window.ref[-1]) * SERIES_ALIGNMENT)
        chunks.finish()
    postings.finish()
    report.summary, report.index_counts = series.finish(), series.counts
    report.series_count, report.chunk_count = series.series_count, series.chunk_count
    report.unreferenced_bytes = segments.total_bytes - len(SEGMENT_HEAD) * len(segments.paths) - report.record_bytes
    if meta is not None:
        _check_stats(meta, report, read_chunks=read_chunks)
    return report


class _ChunkCheck:
    """Hands the chunks of windows to the pool and notes what comes back, in order."""

    def __init__(
        self, view: IndexView, segments: Segments, pool: ThreadPoolExecutor, report: Report, progress: Progress
    ) -> None:
        self._view = view
        self._segments = segments
        self._pool = pool
        self._report = report
        self._progress = progress
        self._stop = np.zeros(1, np.uint8)
        self._flying: deque[tuple[SeriesWindow, ChunkEntries, Future[MorselReport]]] = deque()

    def add(self, window: SeriesWindow) -> None:
        """Check the chunks of a window; some go on behind."""
        for number in np.unique(window.chunks.ref >> SEGMENT_SHIFT).tolist():
            self._segments.read(number)  # here, because a bucket is asked by this thread alone
        for entries in _split(window.chunks):
            self._flying.append((window, entries, self._pool.submit(check_morsel, self._segments, entries, self._stop)))
            if len(self._flying) > MORSELS_IN_FLIGHT:
                self._take()

    def finish(self) -> None:
        """Wait for all."""
        while self._flying:
            self._take()

    def _take(self) -> None:
        window, entries, future = self._flying.popleft()
        found, report = future.result(), self._report
        report.sample_count += found.sample_count
        report.histogram_count += found.histogram_count
        report.weight += found.weight
        report.record_bytes += found.record_bytes
        for fault in found.faults:
            row, ref = int(entries.row[fault.chunk]), int(entries.ref[fault.chunk])
            series = "" if report.faults.is_full else show_labels(self._view.labels(window, row))
            path = segment_path(ref >> SEGMENT_SHIFT)
            if ref >> SEGMENT_SHIFT not in self._segments.paths:
                report.faults.add("missing_file", path, "the file is not there, but a chunk is in it", series=series)
                continue
            report.faults.add(fault.kind, path, fault.problem, offset=ref & OFFSET_MASK, series=series)
        self._segments.release(int(entries.ref[-1]))
        self._progress(report.record_bytes, self._segments.total_bytes)


def _split(entries: ChunkEntries) -> Iterator[ChunkEntries]:
    for first in range(0, len(entries), MORSEL_CHUNKS):
        span = slice(first, first + MORSEL_CHUNKS)
        yield ChunkEntries(entries.row[span], entries.min_ms[span], entries.max_ms[span], entries.ref[span])


def _check_heads(segments: Segments, faults: Faults) -> None:
    for number, path in segments.paths.items():
        found = segments.read(number)[: len(SEGMENT_HEAD)].tobytes()
        if found != SEGMENT_HEAD:
            problem = f"magic, version and zeros: expected {SEGMENT_HEAD.hex()}, found {found.hex() or 'the end'}"
            faults.add("segment_head", path, problem, offset=0)


def _check_stats(meta: BlockMeta, report: Report, *, read_chunks: bool) -> None:
    """Compare the counts of meta.json, of floats and histograms only where the writer gave them.

    What could not be read is not counted: that there are fewer samples then is no news.
    """
    stats, kinds = meta.stats, report.faults.counts
    pairs = [("numSeries", stats.series_count, report.series_count)]
    if not kinds["series_entry"]:
        pairs.append(("numChunks", stats.chunk_count, report.chunk_count))
    has_all = read_chunks and not any(kinds[kind] for kind in UNCOUNTED)
    if has_all:
        pairs.append(("numSamples", stats.sample_count, report.sample_count))
    # Thanos leaves the counts of the raw block in the meta of one that it downsampled.
    if has_all and not meta.resolution_ms and (stats.float_sample_count or stats.histogram_sample_count):
        floats = report.sample_count - report.histogram_count
        pairs += [
            ("numFloatSamples", stats.float_sample_count, floats),
            ("numHistogramSamples", stats.histogram_sample_count, report.histogram_count),
        ]
    for name, expected, found in pairs:
        if expected != found:
            report.faults.add("stats", META_FILE, f"{name}: expected {expected}, found {found} in the block")
