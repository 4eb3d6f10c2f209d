"""Verifying series entries: CRC, labels in order, series in order, chunks in order and inside the block's range.

Where Thanos' `bucket verify` has words for a fault they are used. Source: thanos pkg/block/index.go.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_layout import SERIES_ALIGNMENT
from promontory.block.meta import INDEX_FILE, BlockMeta
from promontory.block_check.fault import Faults
from promontory.block_check.index_view import IndexView, SeriesWindow, show_labels
from promontory.kernels.block_checks import mark_unsorted
from promontory.kernels.index import ENTRY_BAD_CRC, ENTRY_CUT, ENTRY_MALFORMED
from promontory.kernels.varint import read_uvarint

ISSUE_347 = "https://github.com/prometheus/tsdb/issues/347"

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

_FOUND = {
    ENTRY_CUT: "expected an entry inside the section, found one that goes on past it",
    ENTRY_BAD_CRC: "expected the stored CRC, found another one",
}


class SeriesCheck:
    """Checks the series of an index window by window; `counts` are those of Thanos' summary."""

    def __init__(self, view: IndexView, meta: BlockMeta | None, faults: Faults) -> None:
        self._view = view
        self._meta = meta
        self._faults = faults
        self._before: SeriesWindow | None = None
        self._before_row = -1
        self.series_count = 0
        self.chunk_count = 0
        self.counts: Counter[str] = Counter()

    def add(self, window: SeriesWindow) -> None:
        """Check the series of a window, which come in the order of the index."""
        self.series_count += len(window)
        self.chunk_count += len(window.chunks)
        for row in np.flatnonzero(window.status).tolist():
            self._note(window, row, "series_entry", self._explain(window, row))
        good = window.status == 0
        for row in np.flatnonzero(good & (np.diff(window.row_start) == 0)).tolist():
            self._note(window, row, "series_labels", f"empty label set detected for series {window.ref[row]}")
        for row in np.flatnonzero(good & (np.diff(window.chunk_start) == 0)).tolist():
            self._note(window, row, "series_chunks", f"empty chunks for series {window.ref[row]}")
        self._check_order(window)
        self._check_chunks(window)

    def finish(self) -> list[str]:
        """Return what Thanos says of the block's chunks and labels in sum."""
        counts, texts = self.counts, []
        partly = counts["outside"] - counts["complete"] - counts["issue 347"]
        if partly:
            texts.append(f"found {partly} chunks non-completely outside the block time range")
        if counts["complete"]:
            texts.append(f"found {counts['complete']} chunks completely outside the block time range")
        if counts["issue 347"]:
            found = counts["issue 347"]
            texts.append(f"found {found} chunks outside the block time range introduced by {ISSUE_347}")
        if counts["labels"]:
            texts.append(f"index contains {counts['labels']} postings with out of order labels")
        if counts["chunks"]:
            texts.append(
                f"{counts['series']}/{self.series_count} series have an average of "
                f"{counts['chunks'] / counts['series']:.3f} out-of-order chunks: "
                f"{counts['duplicates'] / counts['chunks']:.3f} of these are exact duplicates "
                "(in terms of data and time range)"
            )
        return texts

    def _check_order(self, window: SeriesWindow) -> None:
        unsorted = np.empty(len(window), np.uint8)
        last = mark_unsorted(window.row_start, window.label_refs, window.status, unsorted)
        first = int(np.argmin(window.status)) if last >= 0 else -1
        if self._before is not None and first >= 0:
            unsorted[first] = _pairs(window, first) <= _pairs(self._before, self._before_row)
        for row in np.flatnonzero(unsorted).tolist():
            earlier = np.flatnonzero(window.status[:row] == 0)
            before, at = (window, int(earlier[-1])) if len(earlier) else (self._before, self._before_row)
            assert before is not None, "the first series of all has none before it"
            labels, previous = self._view.labels(window, row), self._view.labels(before, at)
            problem = f"series {show_labels(labels)} out of order; previous {show_labels(previous)}"
            self._note(window, row, "series_order", problem)
        if last >= 0:
            self._before, self._before_row = window, last

    def _check_chunks(self, window: SeriesWindow) -> None:
        chunks = window.chunks
        late = np.flatnonzero((chunks.row[1:] == chunks.row[:-1]) & (chunks.min_ms[1:] <= chunks.max_ms[:-1])) + 1
        same = (chunks.min_ms[late] == chunks.min_ms[late - 1]) & (chunks.max_ms[late] == chunks.max_ms[late - 1])
        ahead = chunks.min_ms[late] < chunks.min_ms[late - 1]
        self.counts["chunks"] += int((~same).sum())
        self.counts["duplicates"] += int(same.sum())
        self.counts["series"] += len(np.unique(chunks.row[late[~same]]))
        for place, is_same, is_ahead in zip(late.tolist(), same.tolist(), ahead.tolist(), strict=True):
            word = "duplicated" if is_same else "out of order" if is_ahead else "overlapping"
            problem = f"{word} chunk {_span(window, place)}; previous {_span(window, place - 1)}"
            self._note(window, int(chunks.row[place]), "chunk_order", problem)
        if self._meta is not None:
            self._check_range(window, self._meta)

    def _check_range(self, window: SeriesWindow, meta: BlockMeta) -> None:
        """Name the chunks that reach out of the block; its last millisecond is the one before its maxTime."""
        low, high = window.chunks.min_ms, window.chunks.max_ms
        outside = (low < meta.min_time_ms) | (high >= meta.max_time_ms)
        complete = outside & ((low > meta.max_time_ms) | (high < meta.min_time_ms))
        at_end = outside & (low == meta.max_time_ms)
        self.counts["outside"] += int(outside.sum())
        self.counts["complete"] += int(complete.sum())
        self.counts["issue 347"] += int(at_end.sum())
        for place in np.flatnonzero(outside).tolist():
            word = "completely" if complete[place] or at_end[place] else "non-completely"
            problem = (
                f"chunk {_span(window, place)} {word} outside the block time range "
                f"[{meta.min_time_ms}, {meta.max_time_ms})"
            )
            self._note(window, int(window.chunks.row[place]), "chunk_range", problem)

    def _explain(self, window: SeriesWindow, row: int) -> str:
        """Return what is wrong with an entry, read again in plain Python."""
        status = int(window.status[row])
        words = "series entry: {}; its labels and chunks are not checked"
        if status != ENTRY_MALFORMED:
            return words.format(_FOUND[status])
        data, position = self._view.data, int(window.ref[row]) * SERIES_ALIGNMENT
        length, place = read_uvarint(data, position, len(data))
        stop = place + length
        count, place = read_uvarint(data, place, stop) if 0 <= place <= stop <= len(data) else (0, -1)
        before, symbols = -1, self._view.header.symbol_count
        for _ in range(count if place >= 0 else 0):
            name, place = read_uvarint(data, place, stop)
            value, place = read_uvarint(data, place, stop) if place >= 0 else (0, -1)
            if place < 0:
                break
            if not (0 <= name < symbols and 0 <= value < symbols):
                return words.format(f"expected symbols below {symbols}, found {name} and {value}")
            if name <= before:
                self.counts["labels"] += 1
                return words.format("out-of-order label set")
            before = name
        part = "labels" if place < 0 else "chunks"
        return words.format(f"expected {part} that fill the entry, found other bytes")

    def _note(self, window: SeriesWindow, row: int, kind: str, problem: str) -> None:
        is_known = window.status[row] == 0 and not self._faults.is_full
        series = show_labels(self._view.labels(window, row)) if is_known else ""
        self._faults.add(kind, INDEX_FILE, problem, offset=SERIES_ALIGNMENT * int(window.ref[row]), series=series)


def _pairs(window: SeriesWindow, row: int) -> list[list[int]]:
    span = slice(int(window.row_start[row]), int(window.row_start[row + 1]))
    pairs: list[list[int]] = window.label_refs[:, span].T.tolist()
    return pairs


def _span(window: SeriesWindow, place: int) -> str:
    return f"{window.chunks.min_ms[place]} to {window.chunks.max_ms[place]}"
