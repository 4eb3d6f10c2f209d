"""Chunks of native histograms, and of floats with start times, to columns. Each chunk has its own status.

Rule: what a chunk claims is checked against its bytes before anything is allocated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import ChunkStatus, DecodedChunks, locate_buffers
from promontory.kernels import histogram_decode, xor2_decode
from promontory.kernels.histogram_layout import STATE_SIZE
from promontory.kernels.varbit import READABLE
from promontory.model.frame import ChunkColumns
from promontory.model.histograms import HistogramCells, Histograms
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import TimeRange

Bytes = NDArray[np.uint8]
AHEAD = histogram_decode.XOR_BUCKETS


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the chunks claim: counts int64[c], status uint8[c], room int64[3], and a scratch copy of the longest."""

    counts: NDArray[np.int64]
    status: Bytes
    room: NDArray[np.int64]
    scratch: Bytes


def decode_histogram_chunks(
    chunks: ChunkColumns, buffers: Sequence[Bytes], symbols: SymbolTable, time_range: TimeRange, stop: Bytes
) -> DecodedChunks:
    """Return the samples of chunks of histograms, integer or float, within the range. Never raises on bad bytes."""
    spans = (*locate_buffers(buffers), chunks.buffer, chunks.start, chunks.length, chunks.encoding)
    layout = _measure(spans, chunks, time_range)
    buckets, widest, bounds = (int(number) for number in layout.room)
    samples = int(layout.counts.sum())
    words = np.empty(widest + AHEAD, np.uint64)
    chunk_start, bound_start = np.empty(len(chunks) + 1, np.int64), np.empty(len(chunks) + 1, np.int64)
    times, starts, stale = np.empty(samples, np.int64), np.empty(samples, np.int64), np.empty(samples, np.uint64)
    row, chunk = np.empty(samples, np.int32), np.empty(samples, np.int32)
    schema, hint, fields = np.empty(samples, np.int8), np.empty(samples, np.uint8), np.empty((samples, 4))
    # Buckets of a sample are put down before the empty ones are taken out.
    bucket_start, key = np.empty(samples + 1, np.int64), np.empty(buckets + widest, np.int32)
    count, bound_values = np.empty(buckets + widest), np.empty(bounds)
    rows = histogram_decode.decode_histograms(
        *spans, layout.counts, time_range.min_time_ms, time_range.max_time_ms, stop, layout.scratch,
        np.zeros(STATE_SIZE, np.int64), words, words.view(np.float64), np.empty(len(words), np.uint8),
        np.empty(len(words), np.uint8), np.empty(widest, np.int64), np.empty(widest, np.int64),
        np.empty(widest, np.int32), chunk_start, times, stale, row, starts,
        schema, hint, chunk, fields, fields.view(np.uint64), bucket_start, key, count,
        bound_values, bound_values.view(np.uint64), bound_start, layout.status,
    )  # fmt: skip
    kept = int(chunk_start[-1])
    codes = symbols.intern_spans(bound_values.view(np.uint8), bound_start[:-1] * 8, bound_start[1:] * 8)
    used = int(bucket_start[rows])
    threshold, zeros, total, value_sum = np.ascontiguousarray(fields[:rows].T)
    table = Histograms(
        schema=schema[:rows], hint=hint[:rows], bounds=codes[chunk[:rows]], zero_threshold=threshold, zero_count=zeros,
        count=total, sum=value_sum, bucket_start=bucket_start[: rows + 1], bucket_key=key[:used].copy(),
        bucket_count=count[:used].copy(), symbols=symbols,
    )  # fmt: skip
    cells = HistogramCells(row[:kept], table) if rows else None
    with_starts = starts[:kept] if starts[:kept].any() else None
    return DecodedChunks(
        chunk_start, times[:kept], stale[:kept].view(np.float64), layout.status, histograms=cells, start_ms=with_starts
    )


def _measure(
    spans: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], Bytes],
    chunks: ChunkColumns,
    time_range: TimeRange,
) -> _Layout:
    longest = int(np.clip(chunks.length, 0, spans[1].max(initial=0)).max(initial=0))
    layout = _Layout(
        np.empty(len(chunks), np.int64), np.empty(len(chunks), np.uint8), np.zeros(3, np.int64),
        np.zeros(longest + READABLE, np.uint8),
    )  # fmt: skip
    histogram_decode.measure_chunks(
        *spans, chunks.min_ms, chunks.max_ms, time_range.min_time_ms, time_range.max_time_ms, layout.scratch,
        np.empty(0, np.int32), np.empty(0), np.empty(0, np.uint64), np.zeros(STATE_SIZE, np.int64),
        layout.counts, layout.room, layout.status,
    )  # fmt: skip
    return layout


def decode_xor2_chunks(
    chunks: ChunkColumns, buffers: Sequence[Bytes], time_range: TimeRange, stop: Bytes
) -> DecodedChunks:  # fmt: skip
    """Return the samples of XOR2 chunks within the range, with their start times. Never raises on bad bytes."""
    spans = (*locate_buffers(buffers), chunks.buffer, chunks.start, chunks.length)
    counts, status = np.empty(len(chunks), np.int64), np.empty(len(chunks), np.uint8)
    ends = (time_range.min_time_ms, time_range.max_time_ms)
    longest = xor2_decode.count_chunks(*spans, chunks.encoding, chunks.min_ms, chunks.max_ms, *ends, counts, status)
    room = int(counts.sum())
    times, values, starts = np.empty(room, np.int64), np.empty(room), np.empty(room, np.int64)
    chunk_start = np.empty(len(chunks) + 1, np.int64)
    kept = xor2_decode.decode_chunks(
        *spans, counts, *ends, stop, np.zeros(longest + READABLE, np.uint8), np.zeros(3, np.uint64),
        chunk_start, times, values.view(np.uint64), starts, status,
    )  # fmt: skip
    with_starts = starts[:kept] if starts[:kept].any() else None
    return DecodedChunks(chunk_start, times[:kept], values[:kept], status, start_ms=with_starts)


def no_samples_of(chunks: ChunkColumns) -> DecodedChunks:
    """Return no samples for chunks of an encoding that is not known."""
    status = np.full(len(chunks), ChunkStatus.UNSUPPORTED, np.uint8)
    return DecodedChunks(np.zeros(len(chunks) + 1, np.int64), np.empty(0, np.int64), np.empty(0), status)
