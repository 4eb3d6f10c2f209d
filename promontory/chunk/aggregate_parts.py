"""Chunks of downsampled blocks: each holds up to five chunks, one an aggregate; the asked ones become chunks.

Source: thanos pkg/compact/downsample/aggr.go. A raw chunk in a downsampled block stays what it is, as in Thanos.
Format: docs/formats/chunks.md.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.aggregates import PARTS
from promontory.kernels.chunk_records import AGGREGATE_PARTS, split_aggregates
from promontory.model.frame import Aggregate, ChunkColumns, Encoding

Bytes = NDArray[np.uint8]


def split_chunks(
    chunks: ChunkColumns, buffers: tuple[Bytes, ...], aggregates: Collection[Aggregate]
) -> tuple[ChunkColumns, NDArray[np.int64]]:
    """Return the chunks with aggregate chunks split into the asked parts, and int64[k]: which give none of them."""
    whole = np.flatnonzero(chunks.encoding == Encoding.AGGREGATES)
    if not len(whole):
        return chunks, whole
    parts = np.empty((len(whole), AGGREGATE_PARTS, 3), np.int64)
    broken = np.empty(len(whole), np.uint8)
    for number in np.unique(chunks.buffer[whole]).tolist():
        inside = np.flatnonzero(chunks.buffer[whole] == number)
        found, bad = np.empty((len(inside), AGGREGATE_PARTS, 3), np.int64), np.empty(len(inside), np.uint8)
        split_aggregates(buffers[number], chunks.start[whole[inside]], chunks.length[whole[inside]], found, bad)
        parts[inside], broken[inside] = found, bad
    pieces = [chunks.take(np.flatnonzero(chunks.encoding != Encoding.AGGREGATES))]
    served = np.zeros(len(whole), np.bool_)
    for place, aggregate in enumerate(PARTS):
        present = (broken == 0) & (parts[:, place, 0] != 0)
        if aggregate in aggregates and present.any():
            pieces.append(_part(chunks.take(whole[present]), parts[present, place], aggregate))
            served |= present
    joined = ChunkColumns(*(np.concatenate([getattr(piece, n) for piece in pieces]) for n in ChunkColumns.__slots__))
    return joined.take(np.lexsort((joined.aggregate, joined.min_ms, joined.row))), whole[~served]


def _part(chunks: ChunkColumns, part: NDArray[np.int64], aggregate: Aggregate) -> ChunkColumns:
    return ChunkColumns(
        row=chunks.row, min_ms=chunks.min_ms, max_ms=chunks.max_ms, buffer=chunks.buffer, source=chunks.source,
        aggregate=np.full(len(chunks), aggregate, np.uint8), encoding=part[:, 0].astype(np.uint8),
        start=np.ascontiguousarray(part[:, 1]), length=np.ascontiguousarray(part[:, 2]),
    )  # fmt: skip
