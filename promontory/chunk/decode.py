"""XOR chunks to samples: the chunk columns of a Frame decoded in one go, trimmed, each chunk with its own status.

Rule: a bad chunk costs its own samples and nothing else; the caller says what it means. Sample counts are read and
checked against the bytes that would have to hold them before anything is allocated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from promontory.kernels import xor_decode
from promontory.model.frame import ChunkColumns
from promontory.model.histograms import HistogramCells
from promontory.model.time_range import MAX_TIME_MS, MIN_TIME_MS


class ChunkStatus(IntEnum):
    """What became of a chunk: decoded, its bytes break the format, not an XOR chunk, or not reached before `stop`."""

    OK = xor_decode.OK
    CORRUPT = xor_decode.CORRUPT
    UNSUPPORTED = xor_decode.UNSUPPORTED
    STOPPED = xor_decode.STOPPED


@dataclass(frozen=True, slots=True)
class DecodedChunks:
    """The samples of c chunks in the order of the chunks.

    chunk_start int64[c + 1] · timestamps_ms int64[m], not falling within a chunk · values float64[m], bit patterns
    kept · status uint8[c] of ChunkStatus; a chunk that is not OK has no samples · histograms over [m] and start_ms
    int64[m], None where no sample has one
    """

    chunk_start: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    status: NDArray[np.uint8]
    histograms: HistogramCells | None = None
    start_ms: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.status)


def decode_chunks(
    chunks: ChunkColumns,
    buffers: Sequence[NDArray[np.uint8]],
    *,
    min_ms: int = MIN_TIME_MS,
    max_ms: int = MAX_TIME_MS,
    stop: NDArray[np.uint8] | None = None,
) -> DecodedChunks:
    """Return the samples within [min_ms, max_ms], both inclusive. Runs without the GIL; never raises on bad bytes.

    `stop` is uint8[1]: once it is set the remaining chunks get STOPPED.
    """
    addresses, sizes = locate_buffers(buffers)
    count = len(chunks)
    counts = np.empty(count, np.int64)
    status = np.empty(count, np.uint8)
    spans = (addresses, sizes, chunks.buffer, chunks.start, chunks.length)
    scratch_bytes = xor_decode.count_chunks(
        *spans, chunks.encoding, chunks.min_ms, chunks.max_ms, min_ms, max_ms, counts, status
    )
    chunk_start = np.empty(count + 1, np.int64)
    room = int(counts.sum())
    timestamps_ms = np.empty(room, np.int64)
    values = np.empty(room, np.float64)
    kept = xor_decode.decode_chunks(
        *spans, counts, min_ms, max_ms, np.zeros(1, np.uint8) if stop is None else stop,
        np.zeros(scratch_bytes, np.uint8), chunk_start, timestamps_ms, values.view(np.uint64), status,
    )  # fmt: skip
    return DecodedChunks(chunk_start, timestamps_ms[:kept], values[:kept], status)


def locate_buffers(buffers: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (addresses int64[b], sizes int64[b]); they hold as long as the caller holds the buffers."""
    assert all(buffer.dtype == np.uint8 and buffer.flags.c_contiguous for buffer in buffers), "buffers of other shape"
    addresses = np.array([buffer.__array_interface__["data"][0] for buffer in buffers], np.uint64)
    return addresses.view(np.int64), np.array([len(buffer) for buffer in buffers], np.int64)
