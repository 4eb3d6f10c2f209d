"""Chunks of aggregates put together into aggregate chunks, as a downsampled block holds them.

Format: docs/formats/chunks.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import locate_buffers
from promontory.kernels.aggregate_write import PART_ROOM, write_aggregates
from promontory.model.frame import Aggregate, ChunkColumns, Encoding

# The order of the parts; their numbers on the wire have another.
PARTS = (Aggregate.COUNT, Aggregate.SUM, Aggregate.MIN, Aggregate.MAX, Aggregate.COUNTER)


@dataclass(frozen=True, slots=True)
class AggregateChunks:
    """n aggregate chunks as chunk columns over the one buffer `data`."""

    chunks: ChunkColumns
    data: NDArray[np.uint8]


def join_aggregates(
    parts: ChunkColumns, group: NDArray[np.int64], buffers: Sequence[NDArray[np.uint8]]
) -> AggregateChunks:  # fmt: skip
    """Return one aggregate chunk for each group; group: int64[c], rising from 0, the chunk that a part belongs to.

    Parts that are not there (least and greatest of histograms) are written as such. The range of a chunk is that of
    its parts together.
    """
    count = int(group[-1]) + 1 if len(group) else 0
    place = np.full((count, len(PARTS)), -1, np.int64)
    slot = np.searchsorted(np.array(PARTS), parts.aggregate)
    assert np.isin(parts.aggregate, PARTS).all(), "a raw chunk is no part of an aggregate chunk"
    place[group, slot] = np.arange(len(group))
    assert np.count_nonzero(place >= 0) == len(group), "two parts of one aggregate in one chunk"
    addresses, sizes = locate_buffers(buffers)
    assert np.all((parts.start >= 0) & (parts.start + parts.length <= sizes[parts.buffer]))
    data = np.empty(int(parts.length.sum()) + PART_ROOM * place.size, np.uint8)
    position = np.empty(count + 1, np.int64)
    write_aggregates(
        addresses, sizes, parts.buffer, parts.start, parts.length, parts.encoding, place, data, position
    )  # fmt: skip
    first = np.searchsorted(group, np.arange(count))
    columns = ChunkColumns(
        row=parts.row[first],
        min_ms=np.minimum.reduceat(parts.min_ms, first) if count else parts.min_ms,
        max_ms=np.maximum.reduceat(parts.max_ms, first) if count else parts.max_ms,
        aggregate=np.full(count, Aggregate.RAW, np.uint8),
        encoding=np.full(count, Encoding.AGGREGATES, np.uint8),
        buffer=np.zeros(count, np.int32),
        start=position[:-1],
        length=np.diff(position),
        source=parts.source[first],
    )
    return AggregateChunks(columns, data[: position[-1]])
