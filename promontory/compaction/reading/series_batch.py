"""SeriesBatch: some series of one block in order, and where their chunks lie.

labels       n series               ref        segment index << 32 | offset of the record
chunk_start  their chunks, CSR      record_bytes   how many bytes from there hold the record, at least
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.model.label_rows import LabelRows, concat_rows
from promontory.model.starts import find_starts

Bools = NDArray[np.bool_]
Offsets = NDArray[np.int64]

COLUMNS = ("min_ms", "max_ms", "ref", "record_bytes")


@dataclass(frozen=True, slots=True)
class SeriesBatch:
    """series_ref int64[n], offset of the entry / 16 · chunk_start int64[n + 1] · the chunk columns int64[c]."""

    labels: LabelRows
    series_ref: Offsets
    chunk_start: Offsets
    min_ms: Offsets
    max_ms: Offsets
    ref: Offsets
    record_bytes: Offsets

    def __len__(self) -> int:
        return len(self.series_ref)

    def slice(self, first: int, last: int) -> SeriesBatch:
        """Return the rows [first, last); columns are shared, not copied."""
        start, end = int(self.chunk_start[first]), int(self.chunk_start[last])
        return SeriesBatch(
            self.labels.slice(first, last),
            self.series_ref[first:last],
            self.chunk_start[first : last + 1] - start,
            *(getattr(self, name)[start:end] for name in COLUMNS),
        )

    def keep_rows(self, keep: Bools) -> SeriesBatch:
        """Return the rows for which bool[n] is set."""
        if keep.all():
            return self
        counts = np.where(keep, np.diff(self.chunk_start), 0)
        kept = np.flatnonzero(keep)
        chunks = np.repeat(keep, np.diff(self.chunk_start))
        return SeriesBatch(
            self.labels.take(kept), self.series_ref[kept], find_starts(counts[kept]),
            *(getattr(self, name)[chunks] for name in COLUMNS),
        )  # fmt: skip

    def keep_chunks(self, keep: Bools) -> SeriesBatch:
        """Return the series with the chunks for which bool[c] is set; a series without any stays."""
        if keep.all():
            return self
        columns = (getattr(self, name)[keep] for name in COLUMNS)
        return SeriesBatch(self.labels, self.series_ref, find_starts(keep)[self.chunk_start], *columns)

    def rows_of_chunks(self) -> Offsets:
        """Return int64[c]: the row of each chunk."""
        return np.repeat(np.arange(len(self)), np.diff(self.chunk_start))


def concat_batches(parts: list[SeriesBatch]) -> SeriesBatch:
    """Return the series of all parts, one after the other; at least one part."""
    if len(parts) == 1:
        return parts[0]
    return SeriesBatch(
        concat_rows([part.labels for part in parts]),
        np.concatenate([part.series_ref for part in parts]),
        find_starts(np.concatenate([np.diff(part.chunk_start) for part in parts])),
        *(np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS),
    )
