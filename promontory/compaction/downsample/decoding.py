"""Chunks of a local block decoded whole: one that cannot be read is an error, never a gap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import ChunkStatus, DecodedChunks
from promontory.chunk.decode_samples import HISTOGRAM_ENCODINGS, decode_samples
from promontory.compaction.merge.pieces import HISTOGRAM_BYTES
from promontory.errors import CorruptionError, StoppedError
from promontory.kernels.downsample_windows import count_nans
from promontory.kernels.windows import count_stale
from promontory.model.frame import Aggregate, ChunkColumns, Encoding
from promontory.model.histograms import Histograms, ResetHint
from promontory.model.label_rows import LabelRows
from promontory.model.samples import STALE_NAN_BITS
from promontory.model.starts import find_starts
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

FLOAT_ENCODINGS = (Encoding.XOR, Encoding.XOR2)
# Bytes of aggregate chunks that are decoded at once.
AGGREGATE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Morsel:
    """Chunks of some series by row and time, and what an error calls them: n rows of `labels`, `source` the block."""

    labels: LabelRows
    chunks: ChunkColumns
    buffers: tuple[Bytes, ...]
    source: str
    stop: Bytes

    def take(self, index: Longs) -> Morsel:
        """Return the morsel with the chunks at `index` alone."""
        return replace(self, chunks=self.chunks.take(index))

    def broken(self, row: int, min_ms: int, *, expected: str, found: str) -> CorruptionError:
        """Return the error of a chunk of a row that begins at `min_ms`."""
        source = f"{self.source}, series {self.labels.labels(row)}"
        return CorruptionError(f"chunk from {min_ms} ms on", source=source, offset=0, expected=expected, found=found)


def split_rows(morsel: Morsel, *, rows: int) -> Iterator[Morsel]:
    """Yield the morsel's series, as many at a time as are to be decoded at once; one at least."""
    chunks = morsel.chunks
    weight = np.where(are_histograms(chunks.encoding), chunks.length / HISTOGRAM_BYTES, 0.0)
    weight += np.where(chunks.encoding == Encoding.AGGREGATES, chunks.length / AGGREGATE_BYTES, 0.0)
    if weight.sum() <= 1.0:
        yield morsel
        return
    first_chunk = np.searchsorted(chunks.row, np.arange(rows + 1))
    ends = np.concatenate([[0.0], np.cumsum(weight)])[first_chunk]
    first = 0
    while first < rows:
        last = max(int(np.searchsorted(ends, ends[first] + 1.0, side="right")) - 1, first + 1)
        yield morsel.take(np.arange(first_chunk[first], first_chunk[last]))
        first = last


def check_order(morsel: Morsel) -> None:
    """Raise CorruptionError where a chunk begins before the one before it in its series has ended."""
    chunks = morsel.chunks
    late = np.flatnonzero((chunks.row[1:] == chunks.row[:-1]) & (chunks.min_ms[1:] <= chunks.max_ms[:-1]))
    if len(late):
        row, end_ms, min_ms = int(chunks.row[late[0]]), int(chunks.max_ms[late[0]]), int(chunks.min_ms[late[0] + 1])
        raise morsel.broken(row, min_ms, expected=f"chunks one after the other, after {end_ms} ms", found="an overlap")


def are_histograms(encoding: Bytes) -> NDArray[np.bool_]:
    """Return bool[c]: which chunks are of native histograms."""
    return np.isin(encoding, HISTOGRAM_ENCODINGS)


def decode_floats(morsel: Morsel) -> DecodedChunks:
    """Return the samples of chunks of floats, without stale markers. Raises CorruptionError, StoppedError."""
    decoded = _decode(morsel, SymbolTable())
    if not count_nans(decoded.values) or not count_stale(decoded.values.view(np.uint64)):
        return decoded
    return keep_samples(decoded, decoded.values.view(np.uint64) != STALE_NAN_BITS)


def decode_histograms(morsel: Morsel) -> tuple[DecodedChunks, Histograms]:
    """Return the samples of chunks of histograms, without stale markers, and a table of one row each.

    Raises CorruptionError, StoppedError.
    """
    symbols = SymbolTable()  # of the custom bounds of these chunks alone
    decoded = _decode(morsel, symbols)
    if decoded.histograms is None:
        return keep_samples(decoded, np.zeros(len(decoded.values), np.bool_)), Histograms.empty(symbols)
    return keep_samples(decoded, decoded.histograms.held), decoded.histograms.chosen()


def keep_samples(decoded: DecodedChunks, keep: NDArray[np.bool_]) -> DecodedChunks:
    """Return the samples for which bool[m] is set, without their histograms."""
    start = find_starts(keep)[decoded.chunk_start]
    return DecodedChunks(start, decoded.timestamps_ms[keep], decoded.values[keep], decoded.status)


def name_kinds(decoded: DecodedChunks, table: Histograms) -> Longs:
    """Return int64[c] for chunks of histograms: equal for those that may be added up; 0 where no sample is left.

    Custom bounds, zero threshold, and whether it is a gauge are of a chunk, so its first sample says them.
    """
    kinds = np.zeros(len(decoded), np.int64)
    held = np.flatnonzero(np.diff(decoded.chunk_start))
    first = decoded.chunk_start[held]
    facts = np.stack([
        table.bounds[first].astype(np.float64),
        table.custom[first].astype(np.float64),
        table.zero_threshold[first],
        (table.hint[first] == ResetHint.GAUGE).astype(np.float64),
    ])  # fmt: skip
    kinds[held] = np.unique(facts, axis=1, return_inverse=True)[1].ravel() + 1
    return kinds


def _decode(morsel: Morsel, symbols: SymbolTable) -> DecodedChunks:
    decoded = decode_samples(morsel.chunks, morsel.buffers, symbols, ALL_TIME, morsel.stop)
    bad = np.flatnonzero(decoded.status != ChunkStatus.OK)
    if len(bad):
        if morsel.stop[0]:
            raise StoppedError("downsampling was told to stop")
        row, min_ms = int(morsel.chunks.row[bad[0]]), int(morsel.chunks.min_ms[bad[0]])
        encoding = int(morsel.chunks.encoding[bad[0]])
        if decoded.status[bad[0]] == ChunkStatus.UNSUPPORTED:
            raise morsel.broken(row, min_ms, expected="a known encoding", found=f"encoding {encoding}")
        raise morsel.broken(row, min_ms, expected=f"samples of encoding {encoding}", found="bytes that break it")
    _check_times(morsel, decoded)
    return decoded


def _check_times(morsel: Morsel, decoded: DecodedChunks) -> None:
    """Raise CorruptionError where a raw chunk has samples outside of the range that the index gives it."""
    chunks = morsel.chunks
    held = np.flatnonzero((np.diff(decoded.chunk_start) > 0) & (chunks.aggregate == Aggregate.RAW))
    first = decoded.timestamps_ms[decoded.chunk_start[held]]
    last = decoded.timestamps_ms[decoded.chunk_start[held + 1] - 1]
    wrong = np.flatnonzero((first < chunks.min_ms[held]) | (last > chunks.max_ms[held]))
    if len(wrong):
        at, chunk = int(wrong[0]), int(held[wrong[0]])
        row, low, high = int(chunks.row[chunk]), int(chunks.min_ms[chunk]), int(chunks.max_ms[chunk])
        found = f"those from {first[at]} to {last[at]} ms"
        raise morsel.broken(row, low, expected=f"samples up to {high} ms", found=found)
