"""Frames to SeriesResponse messages of columns, for clients that asked for Frames; one writer an answer.

A chunk's data is copied once, from the buffer that it was read into to the message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import locate_buffers
from promontory.kernels.wire_encode import copy_payloads
from promontory.kernels.wire_frame import number_symbols
from promontory.model.frame import Frame
from promontory.store.frames import slice_rows, split_frame
from promontory.store.rpc.blank_bytes import make_blank_bytes
from promontory.store.rpc.frame_layout import COLUMNS, HEADER, TAG, Counts

# A message ends with the series that fills so much, at twice that at most; a larger series is cut between chunks.
MESSAGE_BYTES = 2 << 20
MOST_ROWS = 20_000
# What is no more than this is written sooner than a thread is woken for it.
SMALL_BYTES = 32 << 10
SMALL_ROWS = 100

Item = TypeVar("Item", bound=np.generic)


class FrameWriter:
    """Writes the Frames of one answer, in order; remembers which symbols its reader has."""

    def __init__(self) -> None:
        self._numbers = np.zeros(256, np.int32)
        self._known = 0

    def write(self, frames: Sequence[Frame]) -> bytes:
        """Return the frames, at least one, as one message. All of an answer have their codes in the same symbols."""
        labels, chunks = [frame.labels for frame in frames], [frame.chunks for frame in frames]
        symbols = labels[0].symbols
        name, value = _join(row.name for row in labels), _join(row.value for row in labels)
        source, length = _join(one.source for one in chunks), _join(one.length for one in chunks)
        (name, value, source), fresh = self._number(len(symbols), (name, value, source))
        blob, symbol_start = symbols.arrays()
        symbol_length = symbol_start[fresh + 1] - symbol_start[fresh]
        columns: dict[str, NDArray[np.integer]] = {
            "min_ms": _join(one.min_ms for one in chunks), "max_ms": _join(one.max_ms for one in chunks),
            "length": length, "source": source,
            "pair_count": _join(np.diff(rows.row_start) for rows in labels), "chunk_count": _join(map(_count, frames)),
            "name": name, "value": value, "symbol_length": symbol_length,
            "aggregate": _join(one.aggregate for one in chunks), "encoding": _join(one.encoding for one in chunks),
        }  # fmt: skip
        counts = Counts(
            sum(map(len, labels)), len(name), len(length), len(fresh), int(symbol_length.sum()), int(length.sum())
        )
        head = b"".join((
            TAG, _varint(HEADER.size + counts.total_bytes), HEADER.pack(*counts),
            *(columns[name].astype(kind).tobytes() for name, kind, _ in COLUMNS),
        ))  # fmt: skip
        message, out = make_blank_bytes(len(head) + counts.symbol_bytes + counts.payload_bytes)
        out[: len(head)] = np.frombuffer(head, np.uint8)
        place = _gather(out, len(head), symbol_start[fresh], symbol_length, np.zeros(len(fresh), np.int32), (blob,))
        for frame in frames:
            one = frame.chunks
            place = _gather(out, place, one.start, one.length, one.buffer, frame.buffers)
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


def is_small(frames: Sequence[Frame]) -> bool:
    """Say whether frames may be written on the event loop."""
    counts = (max(len(frame.labels), len(frame.chunks)) for frame in frames)
    return sum(counts) <= SMALL_ROWS and sum(frame.payload_bytes for frame in frames) <= SMALL_BYTES


def fill_messages(frames: Iterable[Frame], message_bytes: int = MESSAGE_BYTES) -> Iterator[list[Frame]]:
    """Yield the frames as what messages hold: some of them, or a part of a large one."""
    held: list[Frame] = []
    for frame in frames:
        for piece in cut_frame(frame, message_bytes):
            held.append(piece)
            if sum(one.payload_bytes for one in held) >= message_bytes or _rows(held) >= MOST_ROWS:
                yield held
                held = []
    if held:
        yield held


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
) -> int:
    """Write the spans of the buffers into `out`, one after the other from `place` on; return where they end."""
    if not len(start):
        return place
    addresses, sizes = locate_buffers(buffers)
    # The kernel below copies from raw memory.
    assert bool(np.all((start >= 0) & (length >= 0) & (start + length <= sizes[buffer]))), "a span outside its buffer"
    ends = place + np.cumsum(length)
    copy_payloads(
        out, ends - length, np.ascontiguousarray(start), np.ascontiguousarray(length), np.ascontiguousarray(buffer),
        addresses, sizes,
    )  # fmt: skip
    return int(ends[-1])


def _join(columns: Iterable[NDArray[Item]]) -> NDArray[Item]:
    parts = list(columns)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _count(frame: Frame) -> NDArray[np.int64]:
    """Return int64[rows]: how many chunks each row has."""
    row = frame.chunks.row
    assert bool(np.all(row[1:] >= row[:-1])), "chunks out of the order of rows"
    return np.bincount(row, minlength=len(frame.labels))


def _rows(frames: Sequence[Frame]) -> int:
    return sum(len(frame.labels) for frame in frames)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
