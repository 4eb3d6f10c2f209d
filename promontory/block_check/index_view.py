"""The index of a block as a whole: sections, label values with their lists, and all series, a window at a time.

What inspecting and verifying read; a query reads ranges instead, in promontory/store/block_index.py.
Source: prometheus tsdb/docs/format/index.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_header import ALL_POSTINGS, IndexHeader, build_header
from promontory.block.index_layout import INDEX_HEAD_BYTES, SERIES_ALIGNMENT, TOC_BYTES, IndexToc
from promontory.block.postings import read_postings
from promontory.block.series import ChunkEntries
from promontory.errors import CorruptionError
from promontory.kernels.index import measure_series, parse_chunk_entries, parse_series
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.quoting import quote_label_name, quote_text
from promontory.model.starts import find_starts
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import MAX_TIME_MS, MIN_TIME_MS

WINDOW_ROWS = 1 << 15

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SeriesWindow:
    """Consecutive series of an index, rows n, pairs p, chunks c.

    ref int64[n], offset / 16 · status uint8[n], an ENTRY_ status; one that is not good has no chunks · row_start
    int64[n + 1], label_refs int64[2, p], symbols · chunk_start int64[n + 1] · chunks, row counting from 0
    """

    ref: Longs
    status: Bytes
    row_start: Longs
    label_refs: Longs
    chunk_start: Longs
    chunks: ChunkEntries

    def __len__(self) -> int:
        return len(self.ref)


class IndexView:
    """An index whose table of contents is good. Raises CorruptionError where symbols or the postings table are not."""

    def __init__(self, data: Bytes, toc: IndexToc, *, source: str) -> None:
        symbols = data[toc.symbols : toc.series].tobytes()
        tail = data[toc.postings_table :].tobytes()
        self.data = data
        self.toc = toc
        self.source = source
        self.header = IndexHeader(np.frombuffer(build_header(toc, symbols=symbols, tail=tail), np.uint8), source=source)

    def read_all_refs(self) -> Longs:
        """Return int64[n]: the refs of all series. Raises CorruptionError where their list is not good."""
        span = self.header.find_list(ALL_POSTINGS, b"")
        if span is None:
            expected, found = "the list of all series", "none"
            raise CorruptionError(
                "postings table", source=self.source, offset=self.toc.postings_table, expected=expected, found=found
            )
        return read_postings(self.data, np.array([span[0]], np.int64), origin=0, source=self.source).astype(np.int64)

    def read_series(self, refs: Longs) -> Iterator[SeriesWindow]:
        """Yield the series of int64[n] `refs`, some at a time."""
        for first in range(0, len(refs), WINDOW_ROWS):
            yield self._read_window(refs[first : first + WINDOW_ROWS])

    def labels(self, window: SeriesWindow, row: int) -> Labels:
        """Return the labels of one series; none where its entry is not good."""
        return self.label_rows(window, row, row + 1).labels(0)

    def label_rows(self, window: SeriesWindow, first: int, last: int) -> LabelRows:
        """Return the labels of the rows [first, last) in a table of their own."""
        symbols = SymbolTable()
        starts = window.row_start[first : last + 1]
        codes = self.header.intern(window.label_refs[:, starts[0] : starts[-1]].ravel(), symbols).reshape(2, -1)
        return LabelRows(starts - starts[0], codes[0], codes[1], symbols)

    def _read_window(self, refs: Longs) -> SeriesWindow:
        position, count, data = refs * SERIES_ALIGNMENT, len(refs), self.data
        limit = np.full(count, self.toc.series_end, np.int64)
        status, pairs = np.empty(count, np.uint8), np.empty(count, np.int64)
        measure_series(data, position, limit, status, pairs)
        row_start = find_starts(pairs)
        label_refs, chunk_count = np.zeros((2, int(row_start[-1])), np.int64), np.empty(count, np.int64)
        span = (MIN_TIME_MS, MAX_TIME_MS)
        parse_series(data, position, status, row_start, self.header.symbol_count, *span, label_refs, chunk_count)
        good = np.flatnonzero(status == 0)
        chunk_start = find_starts(chunk_count)
        size = int(chunk_start[-1])
        row, columns = np.empty(size, np.int32), np.empty((3, size), np.int64)
        starts = np.append(chunk_start[good], size)
        parse_chunk_entries(data, position[good], starts, *span, row, *columns)
        return SeriesWindow(
            refs, status, row_start, label_refs, chunk_start, ChunkEntries(good[row].astype(np.int32), *columns)
        )


def list_sections(toc: IndexToc) -> list[tuple[str, int, int]]:
    """Return (name, start, end) of the sections of an index, in the order of their places."""
    starts = {
        "head": 0, "symbols": toc.symbols, "series": toc.series, "label indices": toc.label_indices,
        "postings": toc.postings, "label offset table": toc.label_offset_table, "postings table": toc.postings_table,
        "TOC": toc.index_bytes - TOC_BYTES,
    }  # fmt: skip
    present = sorted((start, name) for name, start in starts.items() if start >= INDEX_HEAD_BYTES or name == "head")
    ends = [start for start, _ in present[1:]] + [toc.index_bytes]
    return [(name, start, end) for (start, name), end in zip(present, ends, strict=True)]


def show_labels(labels: Labels) -> str:
    """Return labels as Prometheus shows them: `{__name__="up", job="a"}`."""
    return "{" + ", ".join(f"{quote_label_name(name)}={quote_text(value)}" for name, value in labels.pairs) + "}"
