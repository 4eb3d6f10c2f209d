"""Chunks of one series that overlap in time, made chunks that do not: decoded, merged by timestamp, encoded again.

    one-to-one   all timestamps, one sample each                 kernels/chain.py
    penalty      one replica at a time, as long as it delivers   kernels/penalty_groups.py

Both move numbers of samples or bits of values, so a float and a native histogram are treated alike. New chunks have at
most 120 samples, as Prometheus makes them, and no start times: XOR, HISTOGRAM and FLOAT_HISTOGRAM are what every
reader knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import ChunkStatus, DecodedChunks
from promontory.chunk.decode_samples import decode_samples
from promontory.chunk.encode import encode_series
from promontory.chunk.encode_samples import encode_samples
from promontory.compaction.job import Deduplication
from promontory.compaction.merge.pieces import split_groups
from promontory.errors import CorruptionError, StoppedError
from promontory.kernels.chain import chain_groups
from promontory.kernels.penalty_groups import fold_groups
from promontory.model.frame import ChunkColumns
from promontory.model.histograms import HistogramCells, ResetHint
from promontory.model.label_rows import LabelRows
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class NewChunks:
    """Chunks over the one buffer `data`; their `buffer` is 0 and their rows are those of the groups."""

    chunks: ChunkColumns
    data: Bytes


def merge_overlaps(
    chunks: ChunkColumns, group_start: Offsets, buffers: Sequence[Bytes], *, deduplication: Deduplication, stop: Bytes
) -> NewChunks:
    """Return the chunks of g groups, int64[g + 1], each of one row and in the order in which they are to be merged.

    Raises CorruptionError where a chunk cannot be decoded.
    """
    pieces = []
    for first, last in split_groups(chunks, group_start):
        starts = group_start[first : last + 1]
        piece = chunks.take(np.arange(starts[0], starts[-1]))
        pieces.append(_merge_piece(piece, starts - starts[0], buffers, deduplication=deduplication, stop=stop))
    return _concat(pieces)


def _merge_piece(
    chunks: ChunkColumns, group_start: Offsets, buffers: Sequence[Bytes], *, deduplication: Deduplication, stop: Bytes
) -> NewChunks:
    symbols = SymbolTable()  # of this call's custom bounds alone
    decoded = decode_samples(chunks, buffers, symbols, ALL_TIME, stop)
    if (decoded.status == ChunkStatus.STOPPED).any():
        raise StoppedError("decoding chunks: stopped")
    bad = np.flatnonzero(decoded.status != ChunkStatus.OK)
    if len(bad):
        raise describe_bad_chunk(chunks.take(bad))
    is_plain = decoded.histograms is None
    words = decoded.values.view(np.uint64) if is_plain else np.arange(len(decoded.values), dtype=np.uint64)
    start, times, taken = merge_samples(decoded, words, group_start, deduplication=deduplication, stop=stop)
    row = chunks.row[group_start[:-1]]
    if is_plain:
        floats = encode_series(start, times, taken.view(np.float64))
        return NewChunks(replace(floats.columns(), row=row[floats.row]), floats.data)
    encoded = encode_samples(_gather(decoded, start, times, taken.astype(np.int64), symbols))
    return NewChunks(replace(encoded.columns(), row=row[encoded.row]), encoded.data)


def _concat(pieces: Sequence[NewChunks]) -> NewChunks:
    if len(pieces) == 1:
        return pieces[0]
    begin = np.cumsum([0, *(len(piece.data) for piece in pieces)])
    moved = [replace(piece.chunks, start=piece.chunks.start + at) for piece, at in zip(pieces, begin, strict=False)]
    columns = (np.concatenate([getattr(chunks, name) for chunks in moved]) for name in ChunkColumns.__slots__)
    return NewChunks(ChunkColumns(*columns), np.concatenate([piece.data for piece in pieces]))


def merge_samples(
    decoded: DecodedChunks, words: Words, group_start: Offsets, *, deduplication: Deduplication, stop: Bytes
) -> tuple[Offsets, Offsets, Words]:
    """Return (start int64[g + 1], timestamps_ms int64[m], words uint64[m]): what is left of each group, merged."""
    count, most = len(words), int(np.diff(group_start).max(initial=0))
    start = np.empty(len(group_start), np.int64)
    times, taken = np.empty(count, np.int64), np.empty(count, np.uint64)
    given = (group_start, decoded.chunk_start, decoded.timestamps_ms, words)
    if deduplication is Deduplication.PENALTY:
        scratch = np.empty(count, np.int64), np.empty(count, np.uint64)
        done = fold_groups(*given, *scratch, stop, start, times, taken)
    else:
        heap, at = np.empty((2, most), np.int64), np.empty(most, np.int64)
        done = chain_groups(*given, heap, at, stop, start, times, taken)
    if done < len(group_start) - 1:
        raise StoppedError("merging chunks: stopped")
    return start, times[: start[-1]], taken[: start[-1]]


def describe_bad_chunk(chunks: ChunkColumns) -> CorruptionError:
    """Return the error of chunks that cannot be decoded; it tells the first."""
    return CorruptionError(
        "chunk", source=f"samples {chunks.min_ms[0]} to {chunks.max_ms[0]} ms of a series", offset=int(chunks.start[0]),
        expected="a chunk that can be decoded", found=f"encoding {chunks.encoding[0]} in {chunks.length[0]} bytes",
    )  # fmt: skip


def _gather(
    decoded: DecodedChunks, start: Offsets, times: Offsets, chosen: Offsets, symbols: SymbolTable
) -> Samples:  # fmt: skip
    """Return the chosen samples, a row a group.

    A histogram that does not follow the one of its chunk it was written behind may be a reset, or none.
    """
    cells = decoded.histograms
    assert cells is not None
    index, table = cells.index[chosen], cells.table
    follows = np.zeros(len(chosen), np.bool_)
    follows[1:] = chosen[1:] == chosen[:-1] + 1
    follows[np.isin(chosen, decoded.chunk_start)] = False
    follows[start[:-1][start[:-1] < len(chosen)]] = False
    hint = table.hint.copy()
    rows = index[~follows & (index >= 0)]
    hint[rows] = np.where(hint[rows] == ResetHint.GAUGE, ResetHint.GAUGE, ResetHint.UNKNOWN)
    histograms = HistogramCells(index, replace(table, hint=hint)).compact()
    groups = len(start) - 1
    labels = LabelRows(np.zeros(groups + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.int32), symbols)
    return Samples(labels, start, times, decoded.values[chosen], histograms)
