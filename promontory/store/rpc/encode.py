"""Frames to SeriesResponse messages: sizes and bytes are made in kernels, no object a series or chunk."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import locate_buffers
from promontory.kernels import wire_encode as wire
from promontory.model.frame import ChunkColumns, Frame

# A message of ours is not larger, unless a single chunk is.
MESSAGE_BYTES = 1 << 20


def encode_frame(frame: Frame, *, batch_size: int, message_bytes: int = MESSAGE_BYTES) -> list[bytes]:
    """Return the frame as messages of at most `batch_size` series and `message_bytes`.

    A batch size of 0 or 1 makes single series. A series that is larger than a message goes on in the next ones.
    """
    chunks = _arrange(frame.chunks)
    labels = frame.labels
    blob, start = labels.symbols.arrays()
    group_bytes = np.empty(len(chunks), np.int64)
    wire.size_groups(
        chunks.min_ms, chunks.max_ms, chunks.aggregate, chunks.encoding, chunks.length, chunks.source, chunks.row,
        start, group_bytes,
    )  # fmt: skip
    chunk_start = np.searchsorted(chunks.row, np.arange(len(labels) + 1)).astype(np.int64)
    most = len(labels) + len(chunks)
    pieces = np.empty((wire.PIECE_FIELDS, most), np.int64)
    bodies = np.empty(most, np.int64)
    rows = (labels.row_start, labels.name, labels.value)
    is_batch = batch_size > 1
    piece_count, message_count = wire.plan_messages(
        *rows, start, chunk_start, group_bytes, max(batch_size, 1), message_bytes, pieces, bodies
    )
    pieces = np.ascontiguousarray(pieces[:, :piece_count])
    bodies = bodies[:message_count]
    ends = np.cumsum(bodies + 1 + _varint_sizes(bodies) if is_batch else bodies).tolist()
    out = np.empty(ends[-1] if ends else 0, np.uint8)
    payload_at = np.empty(len(chunks), np.int64)
    wire.write_messages(
        out, pieces, bodies, int(is_batch), *rows, blob, start, chunks.min_ms, chunks.max_ms, chunks.aggregate,
        chunks.encoding, chunks.length, chunks.source, group_bytes, payload_at,
    )  # fmt: skip
    addresses, sizes = locate_buffers(frame.buffers)
    if len(chunks):
        # The kernel below copies from raw memory.
        assert bool(np.all((chunks.start >= 0) & (chunks.start + chunks.length <= sizes[chunks.buffer])))
        wire.copy_payloads(out, payload_at, chunks.start, chunks.length, chunks.buffer, addresses, sizes)
    return _cut(out, ends)


def _cut(out: NDArray[np.uint8], ends: Sequence[int]) -> list[bytes]:
    return [out[start:end].tobytes() for start, end in pairwise([0, *ends])]


def _varint_sizes(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    return 1 + np.sum(numbers >= (1 << np.arange(7, 63, 7))[:, None], axis=0)  # type: ignore[no-any-return]


def _arrange(chunks: ChunkColumns) -> ChunkColumns:
    """Return the chunks by start within a row, those of one AggrChunk beside each other; Thanos advises so."""
    order = np.lexsort((chunks.aggregate, chunks.source, chunks.max_ms, chunks.min_ms, chunks.row))
    is_arranged = bool(np.all(order[1:] > order[:-1]))
    chosen = chunks if is_arranged else chunks.take(order)
    return ChunkColumns(*(np.ascontiguousarray(getattr(chosen, name)) for name in ChunkColumns.__slots__))
