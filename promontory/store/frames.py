"""Cutting and joining Frames. Buffers are only pointed at, never copied.

A joined Frame has each label set once, its chunks ordered by (source, min_ms, max_ms, aggregate) and exact copies of
a chunk dropped: equal in source, time range, encoding, aggregate and bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.merge import arrange_chunks, drop_copies
from promontory.model.frame import ChunkColumns, Frame
from promontory.model.label_rows import concat_rows

FRAME_BYTES = 1 << 20
CHUNK_ROW_BYTES = 46
MANY_BUFFERS = 16


def slice_rows(frame: Frame, first: int, last: int) -> Frame:
    """Return the rows [first, last) with their chunks; many buffers are thinned out to those still in use."""
    if first == 0 and last == len(frame.labels):
        return frame
    begin, end = np.searchsorted(frame.chunks.row, np.array([first, last], np.int32))
    columns = {name: getattr(frame.chunks, name)[begin:end] for name in ChunkColumns.__slots__}
    columns["row"] = columns["row"] - np.int32(first)
    piece = Frame(frame.labels.slice(first, last), ChunkColumns(**columns), frame.buffers)
    return compact_buffers(piece) if len(frame.buffers) > MANY_BUFFERS else piece


def join_frames(parts: Sequence[Frame]) -> Frame:
    """Return all rows of the parts as one Frame in Store order. At least one part; cheap where each is sorted."""
    labels = concat_rows([part.labels for part in parts])
    chunks, buffers = _concat_chunks(parts)
    index = labels.sort_index()
    ordered = labels.take(index)
    equal = ordered.equal_neighbours()
    order, row = _arrange(chunks, index, equal)
    chunks = _put_in_order(chunks, order, row, buffers)
    return Frame(ordered.take(np.flatnonzero(~equal)) if equal.any() else ordered, chunks, buffers)


def arrange_rows(frame: Frame) -> Frame:
    """Return the frame with each row's chunks in order and copies dropped; its rows are in order, each once."""
    rows = len(frame.labels)
    order, row = _arrange(frame.chunks, np.arange(rows), np.zeros(rows, np.bool_))
    return Frame(frame.labels, _put_in_order(frame.chunks, order, row, frame.buffers), frame.buffers)


def compact_buffers(frame: Frame) -> Frame:
    """Return the frame holding only those buffers that its chunks point into."""
    used, buffer = np.unique(frame.chunks.buffer, return_inverse=True)
    if len(used) == len(frame.buffers):
        return frame
    columns = {name: getattr(frame.chunks, name) for name in ChunkColumns.__slots__}
    columns["buffer"] = buffer.astype(np.int32)
    return Frame(frame.labels, ChunkColumns(**columns), tuple(frame.buffers[number] for number in used))


def split_frame(frame: Frame, payload_bytes: int = FRAME_BYTES) -> Iterator[Frame]:
    """Yield the frame in pieces of whole series of about `payload_bytes`; a larger series is a piece of its own."""
    rows = len(frame.labels)
    if frame.payload_bytes <= payload_bytes:
        if rows:
            yield frame
        return
    held = np.zeros(rows + 1, np.int64)
    payload = np.bincount(frame.chunks.row, weights=frame.chunks.length, minlength=rows)
    held[1:] = np.cumsum(payload.astype(np.int64))
    first = 0
    while first < rows:
        last = max(first + 1, int(np.searchsorted(held, held[first] + payload_bytes, side="right")) - 1)
        yield slice_rows(frame, first, last)
        first = last


def held_bytes(frame: Frame) -> int:
    """Return what a frame counts against a query's budget: payload, labels and chunk columns."""
    return frame.payload_bytes + frame.labels.resident_bytes + CHUNK_ROW_BYTES * len(frame.chunks)


def _concat_chunks(parts: Sequence[Frame]) -> tuple[ChunkColumns, tuple[NDArray[np.uint8], ...]]:
    if len(parts) == 1:
        return parts[0].chunks, parts[0].buffers
    columns = {
        name: np.concatenate([getattr(part.chunks, name) for part in parts])
        for name in ChunkColumns.__slots__
        if name not in ("row", "buffer")
    }
    first_row, first_buffer = 0, 0
    rows, numbers = [], []
    for part in parts:
        rows.append(part.chunks.row + np.int32(first_row))
        numbers.append(part.chunks.buffer + np.int32(first_buffer))
        first_row += len(part.labels)
        first_buffer += len(part.buffers)
    chunks = ChunkColumns(row=np.concatenate(rows), buffer=np.concatenate(numbers), **columns)
    return chunks, tuple(buffer for part in parts for buffer in part.buffers)


def _arrange(
    chunks: ChunkColumns, index: NDArray[np.int64], equal: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return (order int64[c], row int32[c]): the chunks of the merged rows."""
    chunk_start = np.searchsorted(chunks.row, np.arange(len(index) + 1, dtype=np.int32))
    order, row = np.empty(len(chunks), np.int64), np.empty(len(chunks), np.int32)
    scratch, runs = np.empty(len(chunks), np.int64), np.empty(len(chunks) + 1, np.int64)
    arrange_chunks(
        index, equal.view(np.uint8), chunk_start,
        chunks.source, chunks.min_ms, chunks.max_ms, chunks.aggregate, chunks.length,
        order, row, scratch, runs,
    )  # fmt: skip
    return order, row


def _put_in_order(
    chunks: ChunkColumns, order: NDArray[np.int64], row: NDArray[np.int32], buffers: tuple[NDArray[np.uint8], ...]
) -> ChunkColumns:
    """Return the chunks at `order` under their rows, exact copies dropped."""
    chunks = chunks if bool(np.all(order[1:] > order[:-1])) else chunks.take(order)
    chunks = _with_rows(chunks, row)
    keep = _find_originals(chunks, buffers)
    return chunks if keep is None else chunks.take(keep)


def _with_rows(chunks: ChunkColumns, row: NDArray[np.int32]) -> ChunkColumns:
    columns = {name: getattr(chunks, name) for name in ChunkColumns.__slots__}
    return ChunkColumns(**{**columns, "row": row})


def _find_originals(chunks: ChunkColumns, buffers: tuple[NDArray[np.uint8], ...]) -> NDArray[np.int64] | None:
    """Return the chunks that are not a copy of their neighbour, or None where no two look alike."""
    alike = chunks.row[1:] == chunks.row[:-1]
    for column in (chunks.min_ms, chunks.source, chunks.max_ms, chunks.aggregate, chunks.encoding, chunks.length):
        alike &= column[1:] == column[:-1]
    right = np.flatnonzero(alike) + 1
    if not len(right):
        return None
    keep = np.ones(len(chunks), np.uint8)
    left = right - 1
    pair = chunks.buffer[left].astype(np.int64) * len(buffers) + chunks.buffer[right]
    by_pair = np.argsort(pair, kind="stable")
    ends = np.flatnonzero(np.diff(pair[by_pair], append=-1)) + 1
    for group in np.split(by_pair, ends[:-1]):
        number = right[group]
        drop_copies(
            buffers[chunks.buffer[number[0] - 1]], buffers[chunks.buffer[number[0]]],
            number, chunks.start[number - 1], chunks.start[number], chunks.length[number], keep,
        )  # fmt: skip
    return np.flatnonzero(keep)
