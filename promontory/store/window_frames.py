"""One window of the blocks' chunks as Frames: what is good, less what was deleted, each series whole.

A record that does not fit its CRC is left out and named by its block, segment and offset; nothing is copied between
the bytes read and the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.aggregate_parts import split_chunks
from promontory.errors import BucketError, CorruptionError
from promontory.kernels.chunk_records import RECORD_BAD_CRC, RECORD_CUT, RECORD_GOOD, RECORD_MALFORMED
from promontory.kernels.chunk_windows import OFFSET_MASK, SEGMENT_SHIFT, order_by_row
from promontory.model.frame import Aggregate, ChunkColumns, Encoding, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.selector import Selector
from promontory.store.block_series import BlockParts
from promontory.store.chunk_records import Records
from promontory.store.chunk_windows import Window
from promontory.store.deletions import cut_deleted
from promontory.store.frames import arrange_rows, split_frame

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Errors = list[BucketError | CorruptionError]

_WRONG = {
    RECORD_CUT: ("a record inside the segment", "one that goes on past its end"),
    RECORD_BAD_CRC: ("the stored CRC", "another one"),
    RECORD_MALFORMED: ("a record", "other bytes"),
}
_KNOWN = np.zeros(256, np.bool_)
_KNOWN[list(Encoding)] = True


def make_frames(
    window: Window, records: Records, labels: LabelRows, blocks: Sequence[BlockParts], selector: Selector
) -> tuple[list[Frame], Errors]:
    """Return the rows of a window that have chunks, and what is wrong with others; `labels` are those of its rows."""
    refs = window.chunks
    errors: Errors = list(records.failures.values())
    order = _order_by_row(window)
    good = (records.status == RECORD_GOOD) & _KNOWN[records.encoding]
    if not good.all():
        errors += _find_errors(window, records, ~good, blocks)
        order = order[good[order]]
    chosen = window.chosen[order]
    chunks = ChunkColumns(
        row=refs.row[chosen] - np.int32(window.first - window.origin),
        min_ms=refs.min_ms[chosen],
        max_ms=refs.max_ms[chosen],
        aggregate=np.full(len(order), Aggregate.RAW, np.uint8),
        encoding=records.encoding[order],
        buffer=records.buffer[order],
        start=records.start[order],
        length=records.length[order],
        source=refs.source[chosen],
    )
    frame = Frame(labels, chunks, records.buffers)
    if np.any(chunks.encoding == Encoding.AGGREGATES) or any(len(block.tombstones) for block in blocks):
        frame, others = _edit_chunks(frame, refs.block[chosen], refs.series_ref[chosen], blocks, selector)
        errors += others
    return list(split_frame(arrange_rows(less_rows_without_chunks(frame)))), errors


def _order_by_row(window: Window) -> Offsets:
    """Return int64[c]: the window's chunks by row; inside a row they stay in the order of blocks."""
    order = np.empty(len(window.chosen), np.int64)
    place = np.zeros(window.last - window.first + 1, np.int64)
    order_by_row(window.chunks.row, window.chosen, window.first - window.origin, place, order)
    return order


def _edit_chunks(
    frame: Frame, block: NDArray[np.int32], series_ref: Offsets, blocks: Sequence[BlockParts], selector: Selector
) -> tuple[Frame, Errors]:
    """Cut out what was deleted and split aggregate chunks, block by block."""
    buffers, pieces, errors = frame.buffers, [ChunkColumns.empty()], Errors()
    for number in np.unique(block).tolist():
        inside = np.flatnonzero(block == number)
        source = f"block {blocks[number].meta.ulid}"
        chunks, tombstones = frame.chunks.take(inside), blocks[number].tombstones
        if len(tombstones):
            chunks, buffers, error = cut_deleted(chunks, buffers, series_ref[inside], tombstones, source=source)
            errors += [error] if error else []
        chunks, unserved = split_chunks(chunks, buffers, selector.aggregates)
        if len(unserved):
            expected = " or ".join(Aggregate(kind).name.lower() for kind in selector.aggregates)
            found = f"none of them in {len(unserved)} chunks"
            errors.append(CorruptionError("aggregate chunk", source=source, offset=0, expected=expected, found=found))
        pieces.append(chunks)
    joined = ChunkColumns(*(np.concatenate([getattr(piece, n) for piece in pieces]) for n in ChunkColumns.__slots__))
    return Frame(frame.labels, joined.take(np.argsort(joined.row, kind="stable")), buffers), errors


def _find_errors(
    window: Window, records: Records, bad: NDArray[np.bool_], blocks: Sequence[BlockParts]
) -> Iterator[CorruptionError]:
    """Yield what is wrong with records of blocks that could be read."""
    block, ref = window.chunks.block[window.chosen], window.chunks.ref[window.chosen]
    told = bad & ~np.isin(block, list(records.failures))
    for number in np.unique(block[told]).tolist():
        ulid, here = blocks[number].meta.ulid, told & (block == number)
        for status, (expected, found) in _WRONG.items():
            wrong = ref[here & (records.status == status)]
            if len(wrong):
                yield _error("chunk record", ulid, wrong, expected, found)
        unknown = here & (records.status == RECORD_GOOD)
        for code in np.unique(records.encoding[unknown]).tolist():
            wrong = ref[unknown & (records.encoding == code)]
            yield _error("chunk encoding", ulid, wrong, "a known encoding", str(code))


def _error(what: str, ulid: str, refs: Offsets, expected: str, found: str) -> CorruptionError:
    source = f"block {ulid} segment {(int(refs[0]) >> SEGMENT_SHIFT) + 1}"
    more = f" ({len(refs) - 1} more such chunks)" if len(refs) > 1 else ""
    offset = int(refs[0]) & OFFSET_MASK
    return CorruptionError(what, source=source, offset=offset, expected=expected, found=found + more)


def less_rows_without_chunks(frame: Frame) -> Frame:
    """Return the rows of a frame that have chunks."""
    held = np.bincount(frame.chunks.row, minlength=len(frame.labels)) > 0
    if held.all():
        return frame
    row = (np.cumsum(held) - 1).astype(np.int32)
    return Frame(
        frame.labels.take(np.flatnonzero(held)), replace(frame.chunks, row=row[frame.chunks.row]), frame.buffers
    )
