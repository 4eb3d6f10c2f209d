"""Frames to SeriesResponse messages of columns, for clients that asked for Frames; one writer an answer.

A chunk's data is copied once, from the buffer that it was read into to the message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import locate_buffers
from promontory.kernels.wire_encode import copy_payloads
from promontory.kernels.wire_frame import number_symbols
from promontory.model.frame import Frame
from promontory.store.frames import slice_rows, split_frame
from promontory.store.rpc.blank_bytes import make_blank_bytes
from promontory.store.rpc.frame_layout import COLUMNS, HEADER, TAG, Counts

# A message holds whole series of about so much data, and of a larger series chunks of about so much.
MESSAGE_BYTES = 4 << 20
MOST_ROWS = 20_000
# What is no more than this is written sooner than a thread is woken for it.
SMALL_BYTES = 32 << 10
SMALL_ROWS = 100


class FrameWriter:
    """Writes the Frames of one answer, in order; remembers which symbols its reader has."""

    def __init__(self) -> None:
        self._numbers = np.zeros(256, np.int32)
        self._known = 0

    def write(self, frame: Frame) -> bytes:
        """Return the frame as one message. All frames of an answer have their codes in the same symbols."""
        labels, chunks = frame.labels, frame.chunks
        assert bool(np.all(chunks.row[1:] >= chunks.row[:-1])), "chunks out of the order of rows"
        (name, value, source), fresh = self._number(len(labels.symbols), (labels.name, labels.value, chunks.source))
        blob, symbol_start = labels.symbols.arrays()
        symbol_length = symbol_start[fresh + 1] - symbol_start[fresh]
        columns: dict[str, NDArray[np.integer]] = {
            "min_ms": chunks.min_ms, "max_ms": chunks.max_ms, "length": chunks.length, "source": source,
            "pair_count": np.diff(labels.row_start), "chunk_count": np.bincount(chunks.row, minlength=len(labels)),
            "name": name, "value": value, "symbol_length": symbol_length,
            "aggregate": chunks.aggregate, "encoding": chunks.encoding,
        }  # fmt: skip
        counts = Counts(len(labels), len(name), len(chunks), len(fresh), int(symbol_length.sum()), frame.payload_bytes)
        head = b"".join((
            TAG, _varint(HEADER.size + counts.total_bytes), HEADER.pack(*counts),
            *(columns[name].astype(kind).tobytes() for name, kind, _ in COLUMNS),
        ))  # fmt: skip
        message, out = make_blank_bytes(len(head) + counts.symbol_bytes + counts.payload_bytes)
        out[: len(head)] = np.frombuffer(head, np.uint8)
        _gather(out, len(head), symbol_start[fresh], symbol_length, np.zeros(len(fresh), np.int32), (blob,))
        payload_at = len(head) + counts.symbol_bytes
        _gather(out, payload_at, chunks.start, chunks.length, chunks.buffer, frame.buffers)
        return message

    def _number(
        self, symbol_count: int, columns: Sequence[NDArray[np.int32]]
    ) -> tuple[list[NDArray[np.int32]], NDArray[np.int32]]:
        """Return (the columns as numbers of symbols, the codes that are new to the reader)."""
        if symbol_count > len(self._numbers):
            self._numbers = np.append(self._numbers, np.zeros(2 * symbol_count - len(self._numbers), np.int32))
        fresh = np.empty(min(symbol_count, sum(map(len, columns))), np.int32)
        count, numbered = 0, []
        for column in columns:
            out = np.empty(len(column), np.int32)
            count = number_symbols(np.ascontiguousarray(column), self._numbers, self._known, fresh, count, out)
            numbered.append(out)
        self._known += count
        return numbered, fresh[:count]


def is_small(frame: Frame) -> bool:
    """Say whether a frame may be written on the event loop."""
    return len(frame.labels) <= SMALL_ROWS and len(frame.chunks) <= SMALL_ROWS and frame.payload_bytes <= SMALL_BYTES


def cut_frame(frame: Frame, message_bytes: int = MESSAGE_BYTES) -> Iterator[Frame]:
    """Yield the frame in pieces that are messages; a series larger than one goes on in the next."""
    for first in range(0, len(frame.labels), MOST_ROWS):
        rows = slice_rows(frame, first, min(first + MOST_ROWS, len(frame.labels)))
        for piece in split_frame(rows, message_bytes):
            if len(piece.labels) > 1 or piece.payload_bytes <= 2 * message_bytes:
                yield piece
                continue
            number = np.cumsum(piece.chunks.length) // message_bytes
            for chosen in np.split(np.arange(len(number)), np.flatnonzero(np.diff(number)) + 1):
                yield replace(piece, chunks=piece.chunks.take(chosen))


def _gather(
    out: NDArray[np.uint8],
    place: int,
    start: NDArray[np.int64],
    length: NDArray[np.int64],
    buffer: NDArray[np.int32],
    buffers: Sequence[NDArray[np.uint8]],
) -> None:
    """Write the spans of the buffers into `out`, one after the other from `place` on."""
    if not len(start):
        return
    addresses, sizes = locate_buffers(buffers)
    # The kernel below copies from raw memory.
    assert bool(np.all((start >= 0) & (length >= 0) & (start + length <= sizes[buffer]))), "a span outside its buffer"
    placed = place + np.cumsum(length) - length
    copy_payloads(
        out, placed, np.ascontiguousarray(start), np.ascontiguousarray(length), np.ascontiguousarray(buffer),
        addresses, sizes,
    )  # fmt: skip


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
