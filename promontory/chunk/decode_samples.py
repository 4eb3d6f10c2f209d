"""Chunks of any encoding to samples: those of one encoding at a time, then put back into the order of the chunks.

Format: docs/formats/chunks.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import DecodedChunks, decode_chunks
from promontory.chunk.decode_histograms import decode_histogram_chunks, decode_xor2_chunks, no_samples_of
from promontory.model.frame import ChunkColumns, Encoding
from promontory.model.histograms import concat_cells
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import TimeRange

Bytes = NDArray[np.uint8]
HISTOGRAM_ENCODINGS = (
    Encoding.HISTOGRAM, Encoding.FLOAT_HISTOGRAM, Encoding.HISTOGRAM_ST, Encoding.FLOAT_HISTOGRAM_ST,
)  # fmt: skip


def decode_samples(
    chunks: ChunkColumns, buffers: Sequence[Bytes], symbols: SymbolTable, time_range: TimeRange, stop: Bytes
) -> DecodedChunks:
    """Return the samples within the range. A chunk of an encoding that is not known has none and says so."""
    ends = {"min_ms": time_range.min_time_ms, "max_ms": time_range.max_time_ms}
    if np.all(chunks.encoding == Encoding.XOR):
        return decode_chunks(chunks, buffers, stop=stop, **ends)
    floats = chunks.encoding == Encoding.XOR
    joint = chunks.encoding == Encoding.XOR2
    histograms = np.isin(chunks.encoding, HISTOGRAM_ENCODINGS)
    places = [np.flatnonzero(chosen) for chosen in (floats, joint, histograms, ~(floats | joint | histograms))]
    parts = [chunks.take(index) for index in places]
    decoded = [
        decode_chunks(parts[0], buffers, stop=stop, **ends),
        decode_xor2_chunks(parts[1], buffers, time_range, stop),
        decode_histogram_chunks(parts[2], buffers, symbols, time_range, stop),
        no_samples_of(parts[3]),
    ]
    return _interleave(len(chunks), places, decoded)


def _interleave(count: int, places: list[NDArray[np.int64]], parts: list[DecodedChunks]) -> DecodedChunks:
    """Return the samples of `count` chunks; those of parts[i] are the chunks places[i]."""
    status = np.empty(count, np.uint8)
    counts = np.zeros(count, np.int64)
    first = np.zeros(count, np.int64)
    shift = 0
    for index, part in zip(places, parts, strict=True):
        status[index] = part.status
        counts[index] = np.diff(part.chunk_start)
        first[index] = part.chunk_start[:-1] + shift
        shift += len(part.timestamps_ms)
    chunk_start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    order = np.repeat(first - chunk_start[:-1], counts) + np.arange(chunk_start[-1])
    cells = concat_cells([part.histograms for part in parts], [part.timestamps_ms.shape for part in parts])
    starts = None
    if any(part.start_ms is not None for part in parts):
        columns = [np.zeros(len(part.values), np.int64) if part.start_ms is None else part.start_ms for part in parts]
        starts = np.concatenate(columns)[order]
    return DecodedChunks(
        chunk_start,
        np.concatenate([part.timestamps_ms for part in parts])[order],
        np.concatenate([part.values for part in parts])[order],
        status,
        histograms=cells.at(order) if cells is not None else None,
        start_ms=starts,
    )
