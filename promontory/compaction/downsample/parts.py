"""Parts of aggregate chunks: one aggregate of some batches, encoded, and all of them put together.

    batch          0          1      2        a batch becomes one chunk
    Part COUNT     chunk      chunk  chunk    of each part at most one a batch; what a batch lacks is not there
    Part COUNTER   chunk             chunk

Format: docs/formats/chunks.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.aggregates import AggregateChunks, join_aggregates
from promontory.chunk.encode import encode_cuts
from promontory.chunk.encode_samples import encode_histograms
from promontory.kernels.histogram_cuts import GAUGE_HEADER, NOT_RESET_HEADER
from promontory.model.frame import Aggregate, ChunkColumns
from promontory.model.histograms import Histograms, ResetHint

Longs = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class AggregatePart:
    """The chunks of one aggregate: `row` is the batch, the times are those of windows, `buffer` is 0: `data`."""

    chunks: ChunkColumns
    data: NDArray[np.uint8]


def encode_float_part(aggregate: Aggregate, start: Longs, times: Longs, values: NDArray[np.float64]) -> AggregatePart:
    """Return batch b's samples start[b] .. start[b + 1] (int64[b + 1]) as chunks of floats."""
    batch = np.flatnonzero(np.diff(start))
    cuts = np.append(start[:-1][batch], start[-1])
    encoded = encode_cuts(batch.astype(np.int32), cuts, times, values)
    chunks = encoded.columns(aggregate=aggregate)
    if aggregate is Aggregate.COUNTER:
        # The first sample is no window but the first of those that were downsampled.
        chunks = replace(chunks, min_ms=times[cuts[:-1] + 1])
    return AggregatePart(chunks, encoded.data)


def encode_histogram_part(aggregate: Aggregate, start: Longs, times: Longs, table: Histograms) -> AggregatePart:
    """Return batch b's rows of the table start[b] .. start[b + 1] as chunks of float histograms."""
    batch = np.flatnonzero(np.diff(start))
    cuts = np.append(start[:-1][batch], start[-1])
    gauge = table.hint[cuts[:-1]] == ResetHint.GAUGE
    header = np.where(gauge, GAUGE_HEADER, NOT_RESET_HEADER).astype(np.uint8)
    encoded = encode_histograms(times, table, batch.astype(np.int32), cuts, header)
    return AggregatePart(encoded.columns(aggregate=aggregate), encoded.data)


def join_parts(parts: Sequence[AggregatePart], batch_row: Codes) -> AggregateChunks:
    """Return one aggregate chunk for each batch that has a part; batch_row: int32[b], their series."""
    columns = ChunkColumns(
        *(np.concatenate([getattr(part.chunks, name) for part in parts]) for name in ChunkColumns.__slots__)
    )
    buffer = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.chunks) for part in parts])
    columns = replace(columns, buffer=buffer).take(np.argsort(columns.row, kind="stable"))
    group = np.cumsum(np.diff(columns.row, prepend=columns.row[:1]) != 0, dtype=np.int64)
    joined = join_aggregates(columns, group, [part.data for part in parts])
    return AggregateChunks(replace(joined.chunks, row=batch_row[joined.chunks.row]), joined.data)


def concat_chunks(
    pieces: Sequence[tuple[ChunkColumns, Sequence[NDArray[np.uint8]]]],
) -> tuple[ChunkColumns, tuple[NDArray[np.uint8], ...]]:
    """Return the chunks of all pieces by row and time, and the buffers they point into."""
    shifted: list[ChunkColumns] = [ChunkColumns.empty()]
    buffers: list[NDArray[np.uint8]] = []
    for chunks, own in pieces:
        shifted.append(replace(chunks, buffer=(chunks.buffer + len(buffers)).astype(np.int32)))
        buffers += own
    joined = ChunkColumns(
        *(np.concatenate([getattr(piece, name) for piece in shifted]) for name in ChunkColumns.__slots__)
    )
    return joined.take(np.lexsort((joined.min_ms, joined.row))), tuple(buffers)
