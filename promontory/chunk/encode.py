"""Samples to XOR chunks: byte-equal to what Prometheus' appender writes for the same chunk boundaries.

The caller says where chunks end, or takes every `samples_per_chunk` samples of a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.xor_encode import HEAD_ROOM, SAMPLE_ROOM, encode_chunks
from promontory.model.frame import Aggregate, ChunkColumns, Encoding

SAMPLES_PER_CHUNK = 120
MOST_SAMPLES_PER_CHUNK = 65_535


@dataclass(frozen=True, slots=True)
class EncodedChunks:
    """c XOR chunks in `data` uint8[], one after the other.

    row int32[c] · min_ms, max_ms int64[c] · sample_count int64[c] · start, length int64[c] in bytes
    """

    row: NDArray[np.int32]
    min_ms: NDArray[np.int64]
    max_ms: NDArray[np.int64]
    sample_count: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    data: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.row)

    def columns(self, *, aggregate: Aggregate = Aggregate.RAW, source: int = 0) -> ChunkColumns:
        """Return them as chunk columns over the one buffer `data`."""
        count = len(self)
        return ChunkColumns(
            row=self.row, min_ms=self.min_ms, max_ms=self.max_ms,
            aggregate=np.full(count, aggregate, np.uint8), encoding=np.full(count, Encoding.XOR, np.uint8),
            buffer=np.zeros(count, np.int32), start=self.start, length=self.length,
            source=np.full(count, source, np.int32),
        )  # fmt: skip


def encode_series(
    row_start: NDArray[np.int64],
    timestamps_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    *,
    samples_per_chunk: int = SAMPLES_PER_CHUNK,
) -> EncodedChunks:
    """Return the chunks of n series (row_start int64[n + 1]), each cut every `samples_per_chunk` samples."""
    row, chunk_start = cut_rows(row_start, samples_per_chunk=samples_per_chunk)
    return encode_cuts(row, chunk_start, timestamps_ms, values)


def cut_rows(
    row_start: NDArray[np.int64], *, samples_per_chunk: int = SAMPLES_PER_CHUNK
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return (row int32[c], chunk_start int64[c + 1]): rows cut every so many samples, empty rows left out."""
    chunk_count = -(-np.diff(row_start) // samples_per_chunk)
    row = np.repeat(np.arange(len(chunk_count), dtype=np.int32), chunk_count)
    first_chunk = np.cumsum(chunk_count) - chunk_count
    within_row = np.arange(len(row), dtype=np.int64) - first_chunk[row]
    starts = row_start[row] + within_row * samples_per_chunk
    return row, np.append(starts, row_start[-1])


def encode_cuts(
    row: NDArray[np.int32],
    chunk_start: NDArray[np.int64],
    timestamps_ms: NDArray[np.int64],
    values: NDArray[np.float64],
) -> EncodedChunks:
    """Return chunk c of the samples chunk_start[c] .. chunk_start[c + 1], for the series row[c].

    Each chunk has 1 to 65,535 samples.
    """
    sample_count = np.diff(chunk_start)
    assert not len(sample_count) or (sample_count.min() > 0 and sample_count.max() <= MOST_SAMPLES_PER_CHUNK)
    # The worst case in address space only: pages that no chunk reaches are never touched.
    data = np.empty(int(sample_count.sum()) * SAMPLE_ROOM + len(row) * HEAD_ROOM, np.uint8)
    position = np.empty(len(row) + 1, np.int64)
    encode_chunks(timestamps_ms, values.view(np.uint64), chunk_start, data, position)
    return EncodedChunks(
        row=row,
        min_ms=timestamps_ms[chunk_start[:-1]],
        max_ms=timestamps_ms[chunk_start[1:] - 1],
        sample_count=sample_count,
        start=position[:-1],
        length=np.diff(position),
        data=data[: position[-1]],
    )
