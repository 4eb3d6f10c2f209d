"""PreparedSeries: series ready for a BlockWriter: their chunks are the records that a segment file holds.

Making the records, which is where the checksums are computed, needs no writer and is done by any thread; the writer
only puts one batch behind the other. A record: see kernels/chunk_write.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import locate_buffers
from promontory.kernels.chunk_write import RECORD_ROOM, write_records
from promontory.model.frame import ChunkColumns
from promontory.model.label_rows import LabelRows


@dataclass(frozen=True, slots=True)
class PreparedSeries:
    """n series in order, each with a chunk at least, and c chunks by series and time.

    chunk_start int64[n + 1] · min_ms, max_ms int64[c] · record i is records[position[i] : position[i + 1]],
    uint8[], int64[c + 1] · the counts are of samples as the chunks claim them; those of aggregates are neither floats
    nor histograms
    """

    labels: LabelRows
    chunk_start: NDArray[np.int64]
    min_ms: NDArray[np.int64]
    max_ms: NDArray[np.int64]
    records: NDArray[np.uint8]
    position: NDArray[np.int64]
    sample_count: int
    float_count: int
    histogram_count: int

    @property
    def resident_bytes(self) -> int:
        """Bytes of the columns, without the labels."""
        return self.records.nbytes + self.position.nbytes + self.min_ms.nbytes + self.max_ms.nbytes


def prepare_series(
    labels: LabelRows, chunks: ChunkColumns, buffers: Sequence[NDArray[np.uint8]]
) -> PreparedSeries:  # fmt: skip
    """Return the rows that have chunks with the records of these. `chunks` are sorted by row and time."""
    assert np.all(chunks.row[1:] >= chunks.row[:-1]), "chunks not sorted by row"
    addresses, sizes = locate_buffers(buffers)
    end = chunks.start + chunks.length
    inside = (chunks.start >= 0) & (chunks.length >= 0) & (end <= sizes[chunks.buffer])
    assert inside.all(), "chunks outside of their buffers"
    records = np.empty(int(chunks.length.sum()) + RECORD_ROOM * len(chunks), np.uint8)
    position = np.empty(len(chunks) + 1, np.int64)
    columns = (chunks.buffer, chunks.start, chunks.length, chunks.encoding)
    samples, floats, histograms = write_records(addresses, sizes, *columns, records, position)
    counts = np.bincount(chunks.row, minlength=len(labels))
    kept = np.flatnonzero(counts)
    chunk_start = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(counts[kept], out=chunk_start[1:])
    rows = labels if len(kept) == len(labels) else labels.take(kept)
    return PreparedSeries(
        rows, chunk_start, chunks.min_ms, chunks.max_ms, records[: position[-1]], position, samples, floats, histograms
    )
