"""Frame: a bounded batch of series in Store order, chunks still encoded.

    labels    LabelRows of n series
    chunks    columns of c chunks, sorted by row; inside a row by min_ms
    buffers   byte buffers that chunks point into; nothing is copied to merge

A series may go on in the next Frame; the reader joins them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from promontory.model.label_rows import LabelRows


class Encoding(IntEnum):
    """TSDB's chunk encoding byte (the wire's number is one less)."""

    XOR = 1
    HISTOGRAM = 2
    FLOAT_HISTOGRAM = 3
    XOR2 = 4
    HISTOGRAM_ST = 5
    FLOAT_HISTOGRAM_ST = 6
    AGGREGATES = 0xFF


class Aggregate(IntEnum):
    """What a chunk's samples are; the numbers of Thanos' wire enum Aggr."""

    RAW = 0
    COUNT = 1
    SUM = 2
    MIN = 3
    MAX = 4
    COUNTER = 5


@dataclass(frozen=True, slots=True)
class ChunkColumns:
    """c chunks. `data = buffers[buffer][start : start + length]` is the payload without length, encoding or CRC.

    row int32[c] · min_ms, max_ms int64[c] · aggregate uint8[c] · encoding uint8[c] · buffer int32[c] ·
    start, length int64[c] · source int32[c]: symbol code of the replica that wrote it (its replica labels'
    text), 0 where unknown.
    """

    row: NDArray[np.int32]
    min_ms: NDArray[np.int64]
    max_ms: NDArray[np.int64]
    aggregate: NDArray[np.uint8]
    encoding: NDArray[np.uint8]
    buffer: NDArray[np.int32]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    source: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.row)

    @staticmethod
    def empty() -> ChunkColumns:
        """Return no chunks."""
        return ChunkColumns(
            row=np.empty(0, np.int32), min_ms=np.empty(0, np.int64), max_ms=np.empty(0, np.int64),
            aggregate=np.empty(0, np.uint8), encoding=np.empty(0, np.uint8), buffer=np.empty(0, np.int32),
            start=np.empty(0, np.int64), length=np.empty(0, np.int64), source=np.empty(0, np.int32),
        )  # fmt: skip

    def take(self, index: NDArray[np.int64]) -> ChunkColumns:
        """Return the chunks at `index`, in that order."""
        return ChunkColumns(*(getattr(self, name)[index] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Frame:
    """A batch of series: labels, chunk columns and the buffers they point into."""

    labels: LabelRows
    chunks: ChunkColumns
    buffers: tuple[NDArray[np.uint8], ...]

    @property
    def payload_bytes(self) -> int:
        """Bytes of encoded samples."""
        return int(self.chunks.length.sum())

    def keep_rows(self, keep: NDArray[np.bool_]) -> Frame:
        """Return the rows where bool[n] `keep` is set, with their chunks; buffers are shared."""
        kept = np.flatnonzero(keep)
        chunks = self.chunks.take(np.flatnonzero(keep[self.chunks.row]))
        number = np.cumsum(keep, dtype=np.int32) - 1
        return Frame(self.labels.take(kept), replace(chunks, row=number[chunks.row].astype(np.int32)), self.buffers)
