"""Inspecting the series and chunks of a block: churn, time covered, gaps, encodings, sizes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from promontory.block.meta import BlockMeta
from promontory.block_check.index_view import IndexView, SeriesWindow
from promontory.block_check.segments import Segments
from promontory.kernels.block_checks import read_heads
from promontory.kernels.chunk_records import RECORD_GOOD
from promontory.model.frame import Encoding
from promontory.program.block_tool.table import Row, Table

EDGE_MS = 300_000
"""Prometheus' look-back: who begins later than that after the block begins inside it, and a longer pause is a gap."""
PERCENTILES = (50, 90, 99)
NAMES = {encoding.value: encoding.name for encoding in Encoding}

Longs = NDArray[np.int64]
Bytes = NDArray[np.uint8]


class ChunkInspection:
    """Gathers series and chunks window by window; without `segments` the chunk files stay unread."""

    def __init__(self, meta: BlockMeta, segments: Segments | None) -> None:
        self._segments = segments
        self._edge_ms = max(EDGE_MS, 2 * meta.resolution_ms)
        self._range = (meta.min_time_ms, meta.max_time_ms)
        self._births: list[Longs] = []
        self._deaths: list[Longs] = []
        self._counts: list[Longs] = []
        self._covered = np.empty((2, 0), np.int64)
        self._encoding: list[Bytes] = []
        self._sizes: list[Longs] = []
        self._unreadable = 0

    def add(self, window: SeriesWindow) -> None:
        """Take the series of a window."""
        count = np.diff(window.chunk_start)
        filled = np.flatnonzero(count)
        low, high = window.chunks.min_ms, window.chunks.max_ms
        self._births.append(low[window.chunk_start[filled]])
        self._deaths.append(high[window.chunk_start[filled + 1] - 1])
        self._counts.append(count)
        self._covered = _unite(np.concatenate([self._covered, [low, high]], axis=1), self._edge_ms)
        for data, _, offset in self._segments.parts(window.chunks.ref) if self._segments else ():
            status, encoding = np.empty(len(offset), np.uint8), np.empty(len(offset), np.uint8)
            columns = np.empty((2, len(offset)), np.int64)
            read_heads(data, offset, status, encoding, *columns)
            good = status == RECORD_GOOD
            self._unreadable += int((~good).sum())
            self._encoding.append(encoding[good])
            self._sizes.append(columns[:, good])

    def finish(self) -> list[Table]:
        """Return the tables."""
        tables = [self._series(), self._coverage(), self._gaps()]
        return [*tables, *self._chunks()] if self._segments else tables

    def _series(self) -> Table:
        births, deaths, counts = (
            np.concatenate([np.empty(0, np.int64), *part]) for part in (self._births, self._deaths, self._counts)
        )
        begins, ends = births > self._range[0] + self._edge_ms, deaths < self._range[1] - self._edge_ms
        row: Row = {
            "series": len(counts),
            "begin_inside": int(begins.sum()),
            "end_inside": int(ends.sum()),
            "begin_and_end_inside": int((begins & ends).sum()),
            "mean_life_duration_ms": int((deaths - births).mean()) if len(births) else None,
            "chunks_per_series": float(counts.mean()) if len(counts) else None,
            "most_chunks_of_a_series": int(counts.max(initial=0)),
        }
        return Table(
            "series", f"Series (inside: more than {self._edge_ms // 1000} s from an end)", [row], is_single=True
        )

    def _coverage(self) -> Table:
        low, high = self._covered
        found = bool(len(low))
        row: Row = {
            "first_sample_time_ms": int(low[0]) if found else None,
            "last_sample_time_ms": int(high[-1]) if found else None,
            "covered_duration_ms": int((high - low).sum()),
            "gaps": max(0, len(low) - 1),
        }
        return Table("coverage", "Time covered by chunks of any series", [row], is_single=True)

    def _gaps(self) -> Table:
        low, high = self._covered
        rows: list[Row] = [
            {"from_time_ms": start, "to_time_ms": end, "gap_duration_ms": end - start}
            for start, end in zip(high[:-1].tolist(), low[1:].tolist(), strict=True)
        ]
        return Table("gaps", f"Gaps longer than {self._edge_ms // 1000} s", rows)

    def _chunks(self) -> list[Table]:
        encoding = np.concatenate([np.empty(0, np.uint8), *self._encoding])
        size, samples = np.concatenate([np.empty((2, 0), np.int64), *self._sizes], axis=1)
        rows: list[Row] = []
        for code in np.unique(encoding).tolist():
            own = encoding == code
            held, count = int(size[own].sum()), int(samples[own].sum())
            rows.append(
                {"encoding": NAMES.get(code, str(code)), "chunks": int(own.sum()), "samples": count,
                 "payload_bytes": held, "octets_per_sample": held / count if count else None}
            )  # fmt: skip
        if self._unreadable:
            rows.append({"encoding": "unreadable", "chunks": self._unreadable, "samples": None, "payload_bytes": None,
                         "octets_per_sample": None})  # fmt: skip
        measures: list[tuple[str, Longs]] = [("payload bytes", size), ("samples", samples)]
        return [
            Table("encodings", "Chunks by encoding", rows),
            Table("chunk_sizes", "Sizes of chunks", [_spread(name, found) for name, found in measures if len(found)]),
        ]


def inspect_series(
    view: IndexView, refs: Longs, meta: BlockMeta, segments: Segments | None, progress: Callable[[int, int], None]
) -> list[Table]:
    """Return what the series of an index and their chunks are like."""
    inspection = ChunkInspection(meta, segments)
    done = 0
    for window in view.read_series(refs):
        inspection.add(window)
        done += len(window)
        progress(done, len(refs))
    return inspection.finish()


def _unite(spans: Longs, edge_ms: int) -> Longs:
    """Return int64[2, k]: the spans [low, high] joined where less than the edge lies between them, by time."""
    if not spans.shape[1]:
        return spans
    low, high = spans[:, np.argsort(spans[0], kind="stable")]
    reach = np.maximum.accumulate(high)
    first = np.flatnonzero(np.append(True, low[1:] - reach[:-1] > edge_ms))
    return np.stack([low[first], reach[np.append(first[1:], len(low)) - 1]])


def _spread(name: str, found: Longs) -> Row:
    shares = {f"p{share}": int(np.percentile(found, share)) for share in PERCENTILES}
    return {"of": name, "least": int(found.min()), "mean": float(found.mean()), **shares, "most": int(found.max())}
