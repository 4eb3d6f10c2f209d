"""Series entries of an index: bytes in, label rows and chunk columns out.

`check_entries` verifies every entry, `read_series_rows` gives the labels of those that have chunks in the time range;
the entries stay encoded (about 8 bytes a chunk), and `SeriesRows.read_chunks` gives the chunk columns of a few rows at
a time.
Source: prometheus tsdb/docs/format/index.md; the kernels are in promontory/kernels/index.py.
Format: docs/formats/index.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_header import IndexHeader
from promontory.errors import CorruptionError
from promontory.kernels.index import (
    ENTRY_BAD_CRC,
    ENTRY_CUT,
    ENTRY_GOOD,
    ENTRY_MALFORMED,
    measure_series,
    parse_chunk_entries,
    parse_series,
)
from promontory.model.label_rows import LabelRows
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import TimeRange

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]

_FOUND = {
    ENTRY_CUT: ("an entry inside the section", "one that goes on past it"),
    ENTRY_BAD_CRC: ("the stored CRC", "another one"),
    ENTRY_MALFORMED: ("labels and chunks that fill the entry", "other bytes"),
}


@dataclass(frozen=True, slots=True)
class ChunkEntries:
    """Columns of c chunks, by row and min_ms: row int32[c]; min_ms, max_ms, ref int64[c].

    ref is segment index << 32 | offset in the segment file.
    """

    row: NDArray[np.int32]
    min_ms: Offsets
    max_ms: Offsets
    ref: Offsets

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class SeriesRows:
    """n series: labels, their entries' positions in `data`, refs in the index, and chunks in the time range.

    position, chunk_count int64[n] · series_ref uint32[n]: entry's offset in the index / 16.
    """

    labels: LabelRows
    data: Bytes
    position: Offsets
    series_ref: NDArray[np.uint32]
    chunk_count: Offsets
    time_range: TimeRange

    def __len__(self) -> int:
        return len(self.position)

    def take(self, index: Offsets) -> SeriesRows:
        """Return the series at `index`, in that order."""
        return SeriesRows(
            self.labels.take(index),
            self.data,
            self.position[index],
            self.series_ref[index],
            self.chunk_count[index],
            self.time_range,
        )

    def with_labels(self, labels: LabelRows) -> SeriesRows:
        """Return the same series under other labels."""
        return SeriesRows(labels, self.data, self.position, self.series_ref, self.chunk_count, self.time_range)

    def within(self, time_range: TimeRange) -> SeriesRows:
        """Return the series that have chunks in a part of the time range, these alone counted."""
        chunks = self.read_chunks(0, len(self))
        inside = (chunks.min_ms <= time_range.max_time_ms) & (chunks.max_ms >= time_range.min_time_ms)
        count = np.bincount(chunks.row[inside], minlength=len(self)).astype(np.int64)
        return replace(self, chunk_count=count, time_range=time_range).take(np.flatnonzero(count))

    def read_chunks(self, start: int, end: int) -> ChunkEntries:
        """Return the chunks of the rows [start, end); `row` counts from `start`."""
        size = int(self.chunk_count[start:end].sum())
        entries = ChunkEntries(np.empty(size, np.int32), *(np.empty(size, np.int64) for _ in range(3)))
        self.write_chunks(start, end, entries)
        return entries

    def write_chunks(self, start: int, end: int, entries: ChunkEntries) -> None:
        """Write the chunks of the rows [start, end), which are as many as `entries` has room for."""
        offsets = np.zeros(end - start + 1, np.int64)
        self.chunk_count[start:end].cumsum(out=offsets[1:])
        span = self.time_range
        parse_chunk_entries(
            self.data, self.position[start:end], offsets, span.min_time_ms, span.max_time_ms,
            entries.row, entries.min_ms, entries.max_ms, entries.ref,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entries:
    """n series entries, checked: where each begins in `data`, its ENTRY_ status and how many labels it claims.

    position, pairs int64[n] · status uint8[n]
    """

    data: Bytes
    position: Offsets
    status: Bytes
    pairs: Offsets

    def find_cut(self) -> Offsets:
        """Return int64[k]: which go on past their limit."""
        return np.flatnonzero(self.status == ENTRY_CUT)

    def replace_entries(self, index: Offsets, others: Entries) -> Entries:
        """Return the entries with those at `index` read elsewhere."""
        position, status, pairs = self.position.copy(), self.status.copy(), self.pairs.copy()
        position[index] = others.position + len(self.data)
        status[index], pairs[index] = others.status, others.pairs
        return Entries(np.concatenate([self.data, others.data]), position, status, pairs)


def check_entries(data: Bytes, position: Offsets, limit: Offsets) -> Entries:
    """Check length and CRC of the entries at `position`; the bytes that belong with each end at its limit, int64[n]."""
    status, pairs = np.empty(len(position), np.uint8), np.empty(len(position), np.int64)
    measure_series(data, position, limit, status, pairs)
    return Entries(data, position, status, pairs)


def read_series_rows(
    entries: Entries,
    series_ref: NDArray[np.uint32],
    *,
    header: IndexHeader,
    symbols: SymbolTable,
    time_range: TimeRange,
    source: str,
) -> tuple[SeriesRows, CorruptionError | None]:
    """Return the series of the entries that have chunks in the time range, and what is wrong with others.

    An entry that does not fit its CRC or its format is left out and makes the error, which names the first one.
    """
    data, position, status = entries.data, entries.position, entries.status
    count = len(position)
    row_start = np.zeros(count + 1, np.int64)
    np.cumsum(entries.pairs, out=row_start[1:])
    refs = np.zeros((2, int(row_start[-1])), np.int64)
    chunk_count = np.empty(count, np.int64)
    parse_series(
        data, position, status, row_start, header.symbol_count,
        time_range.min_time_ms, time_range.max_time_ms, refs, chunk_count,
    )  # fmt: skip
    if header.has_empty_symbol:
        _refuse_nameless(status, row_start, refs, chunk_count)
    bad = np.flatnonzero(status != ENTRY_GOOD)
    keep = np.flatnonzero(chunk_count > 0)
    if len(keep) < count:
        length = np.diff(row_start)[keep]
        row_start_kept = np.zeros(len(keep) + 1, np.int64)
        np.cumsum(length, out=row_start_kept[1:])
        place = np.arange(row_start_kept[-1]) + np.repeat(row_start[keep] - row_start_kept[:-1], length)
        refs, row_start = refs[:, place], row_start_kept
    codes = header.intern(refs.ravel(), symbols).reshape(2, -1)
    labels = LabelRows(row_start, codes[0], codes[1], symbols).without_empty()
    rows = SeriesRows(labels, data, position[keep], series_ref[keep], chunk_count[keep], time_range)
    return rows, _describe(status, series_ref, bad, source=source) if len(bad) else None


def _refuse_nameless(status: Bytes, row_start: Offsets, refs: Offsets, chunk_count: Offsets) -> None:
    """Mark the entries that have a label whose name is symbol 0, the empty one; only a first label can.

    No peer takes such a label: the one series would cost the whole answer.
    """
    first = row_start[:-1]
    filled = np.flatnonzero(row_start[1:] > first)
    nameless = filled[refs[0, first[filled]] == 0]
    status[nameless] = ENTRY_MALFORMED
    chunk_count[nameless] = 0


def _describe(status: Bytes, series_ref: NDArray[np.uint32], bad: Offsets, *, source: str) -> CorruptionError:
    first = int(bad[0])
    expected, found = _FOUND[int(status[first])]
    more = f" ({len(bad) - 1} more such series)" if len(bad) > 1 else ""
    return CorruptionError(
        "series entry", source=source, offset=16 * int(series_ref[first]), expected=expected, found=found + more
    )
