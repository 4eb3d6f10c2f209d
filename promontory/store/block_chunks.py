"""The chunks of a block's series, a window at a time.

    rows  ->  windows (about `window_bytes` of records)  ->  records read and checked  ->  chunk columns

While one window is used, the next is on its way. A record that does not fit its CRC is left out and tolerated by
name; nothing is copied between the bytes read and the columns.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.block.series import ChunkEntries, SeriesRows
from promontory.bucket.port import Bucket
from promontory.errors import CorruptionError
from promontory.kernels.chunk_records import RECORD_BAD_CRC, RECORD_CUT, RECORD_GOOD, RECORD_MALFORMED
from promontory.model.context import QueryContext
from promontory.model.frame import Aggregate, ChunkColumns, Encoding
from promontory.store.byte_ranges import GAP_BYTES
from promontory.store.chunk_records import OFFSET_MASK, SEGMENT_SHIFT, RecordReader, Records

RECORD_BYTES = 16_000
"""What a chunk record is taken to need where its end is not known, as in Thanos."""
WINDOW_BYTES = 4 << 20
WINDOW_CHUNKS = 1 << 16

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]

_WRONG = {
    RECORD_CUT: ("a record inside the segment", "one that goes on past its end"),
    RECORD_BAD_CRC: ("the stored CRC", "another one"),
    RECORD_MALFORMED: ("a record", "other bytes"),
}
_KNOWN = np.zeros(256, np.bool_)
_KNOWN[list(Encoding)] = True


@dataclass(frozen=True, slots=True)
class Window:
    """The rows [first, last), their chunks (row counts from `first`), and the records' bounded sizes int64[c]."""

    first: int
    last: int
    entries: ChunkEntries
    size: Offsets


@dataclass(frozen=True, slots=True)
class WindowChunks:
    """The chunk columns of the rows [first, last), row counting from `first`, over `buffers`; and what is corrupt."""

    first: int
    last: int
    chunks: ChunkColumns
    buffers: tuple[Bytes, ...]
    errors: tuple[CorruptionError, ...]

    @property
    def held_bytes(self) -> int:
        """Bytes of the ranges that were read."""
        return sum(len(buffer) for buffer in self.buffers)


class BlockChunks:
    """Reads the chunks of one block. `segments` are the keys of its segment files by number, from 0."""

    def __init__(
        self,
        bucket: Bucket,
        ulid: str,
        segments: Mapping[int, str],
        *,
        record_bytes: int = 0,
        gap_bytes: int = GAP_BYTES,
    ) -> None:
        self._ulid = ulid
        self._record_bytes = record_bytes or RECORD_BYTES
        self._reader = RecordReader(bucket, segments, source=f"block {ulid}", gap_bytes=gap_bytes)

    async def read(
        self, rows: SeriesRows, context: QueryContext, *, window_bytes: int = WINDOW_BYTES
    ) -> AsyncGenerator[WindowChunks, None]:
        """Yield the chunks of the rows in order; one window is read ahead."""
        windows = plan_windows(rows, record_bytes=self._record_bytes, window_bytes=window_bytes)
        ahead = asyncio.ensure_future(self._read_next(windows, context))
        held_bytes = 0
        try:
            while (found := await ahead) is not None:
                ahead = asyncio.ensure_future(self._read_next(windows, context))
                context.budget.release(held_bytes)
                held_bytes = found.held_bytes
                context.budget.charge(held_bytes)
                for error in found.errors:
                    context.tolerate(error)
                yield found
        finally:
            context.budget.release(held_bytes)
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    async def _read_next(self, windows: Iterator[Window], context: QueryContext) -> WindowChunks | None:
        window = await context.run(next, windows, None)
        if window is None:
            return None
        records = await self._reader.read(window.entries.ref, window.size, context)
        return await context.run(self._assemble, window, records)

    def _assemble(self, window: Window, records: Records) -> WindowChunks:
        entries = window.entries
        good = (records.status == RECORD_GOOD) & _KNOWN[records.encoding]
        keep: slice | Offsets = slice(None) if good.all() else np.flatnonzero(good)
        row = entries.row[keep]
        chunks = ChunkColumns(
            row=row,
            min_ms=entries.min_ms[keep],
            max_ms=entries.max_ms[keep],
            aggregate=np.full(len(row), Aggregate.RAW, np.uint8),
            encoding=records.encoding[keep],
            buffer=records.buffer[keep],
            start=records.start[keep],
            length=records.length[keep],
            source=np.zeros(len(row), np.int32),
        )
        errors = () if good.all() else tuple(self._find_errors(entries.ref, records))
        return WindowChunks(window.first, window.last, chunks, records.buffers, errors)

    def _find_errors(self, refs: Offsets, records: Records) -> Iterator[CorruptionError]:
        for status, (expected, found) in _WRONG.items():
            bad = refs[records.status == status]
            if len(bad):
                yield self._error("chunk record", bad, expected, found)
        unknown = (records.status == RECORD_GOOD) & ~_KNOWN[records.encoding]
        for code in np.unique(records.encoding[unknown]).tolist():
            bad = refs[unknown & (records.encoding == code)]
            yield self._error("chunk encoding", bad, "a known encoding", str(code))

    def _error(self, what: str, refs: Offsets, expected: str, found: str) -> CorruptionError:
        source = f"block {self._ulid} segment {(int(refs[0]) >> SEGMENT_SHIFT) + 1}"
        more = f" ({len(refs) - 1} more such chunks)" if len(refs) > 1 else ""
        offset = int(refs[0]) & OFFSET_MASK
        return CorruptionError(what, source=source, offset=offset, expected=expected, found=found + more)


def plan_windows(rows: SeriesRows, *, record_bytes: int, window_bytes: int) -> Iterator[Window]:
    """Yield the rows in windows of whole series: about `window_bytes` of records and 65,536 chunks at most."""
    before = np.concatenate([[0], np.cumsum(rows.chunk_count)])
    first = 0
    while first < len(rows):
        last = int(np.searchsorted(before, before[first] + WINDOW_CHUNKS, side="right")) - 1
        last = max(last, first + 1)
        entries = rows.read_chunks(first, last)
        size = bound_records(entries.ref, record_bytes=record_bytes)
        starts = before[first : last + 1] - before[first]
        held = np.concatenate([[0], np.cumsum(size)])[starts]
        low = 0
        while low < last - first:
            high = int(np.searchsorted(held, held[low] + window_bytes, side="right")) - 1
            high = max(high, low + 1)
            span = slice(int(starts[low]), int(starts[high]))
            row = entries.row[span] - np.int32(low)
            part = ChunkEntries(row, entries.min_ms[span], entries.max_ms[span], entries.ref[span])
            yield Window(first + low, first + high, part, size[span])
            low = high
        first = last


def bound_records(refs: Offsets, *, record_bytes: int) -> Offsets:
    """Return int64[c]: bytes that hold each record, as far as the next one's place or the longest one tells."""
    size = np.full(len(refs), record_bytes, np.int64)
    order = np.arange(len(refs)) if np.all(refs[1:] >= refs[:-1]) else np.argsort(refs, kind="stable")
    step = np.diff(refs[order])
    near = (step > 0) & (step < record_bytes)
    size[order[:-1][near]] = step[near]
    return size
