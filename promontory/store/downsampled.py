"""Chunks of aggregates to samples: means from sums and counts, counters that go on over chunks, others as they are.

Raw chunks beside them stay what they are: a series may be raw in one block and downsampled in another.
Format: docs/formats/chunks.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import DecodedChunks
from promontory.chunk.decode_samples import decode_samples
from promontory.kernels.downsampled import join_counters, match_counts
from promontory.model.frame import Aggregate, ChunkColumns
from promontory.model.histograms import HistogramCells, Histograms
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME, TimeRange

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ChosenChunks:
    """The chunks that make the samples; `counts` int64[c]: the chunk that a sum is divided by, -1 for others.

    `left_out` says how many chunks of aggregates nothing could be made of.
    """

    chunks: ChunkColumns
    counts: Longs
    left_out: int

    def take(self, index: Longs) -> ChosenChunks:
        """Return the chunks at `index`, in that order."""
        return replace(self, chunks=self.chunks.take(index), counts=self.counts[index])


def choose_chunks(chunks: ChunkColumns, aggregates: Sequence[Aggregate]) -> ChosenChunks:
    """Return the raw chunks and those of the asked aggregate; of COUNT and SUM the sums with the counts beside them."""
    raw = chunks.aggregate == Aggregate.RAW
    if raw.all():
        return ChosenChunks(chunks, np.full(len(chunks), -1), 0)
    counts = np.full(len(chunks), -1)
    if Aggregate.COUNT in aggregates and Aggregate.SUM in aggregates:
        sums, beside = _pair(chunks)
        counts[sums] = beside
        chosen = raw | (counts >= 0)
        left_out = int(np.count_nonzero(~raw)) - 2 * len(sums)
    else:
        chosen = raw | np.isin(chunks.aggregate, aggregates)
        left_out = int(np.count_nonzero(~chosen))
    index = np.flatnonzero(chosen)
    return ChosenChunks(chunks.take(index), counts[index], left_out)


def _pair(chunks: ChunkColumns) -> tuple[Longs, Longs]:
    """Return the places of sums and of the counts beside them: of the same row, range and source, each used once."""
    downsampled = np.flatnonzero(chunks.aggregate != Aggregate.RAW)
    beside, sums = downsampled[0::2], downsampled[1::2]
    if len(beside) == len(sums) and _are_pairs(chunks, beside, sums):
        return sums, beside
    columns = np.stack([chunks.row, chunks.min_ms, chunks.max_ms, chunks.source], axis=1).astype(np.int64)
    _, key = np.unique(columns, axis=0, return_inverse=True)
    sides = []
    for aggregate in (Aggregate.SUM, Aggregate.COUNT):
        place = np.flatnonzero(chunks.aggregate == aggregate)
        place = place[np.argsort(key[place], kind="stable")]
        keys = key[place]
        number = np.arange(len(keys)) - np.searchsorted(keys, keys)
        sides.append((place, keys * (len(chunks) + 1) + number))
    _, left, right = np.intersect1d(sides[0][1], sides[1][1], return_indices=True)
    return sides[0][0][left], sides[1][0][right]


def _are_pairs(chunks: ChunkColumns, counts: Longs, sums: Longs) -> bool:
    """Say whether each count has its sum: so Stores of ours and Thanos' send them."""
    same = (getattr(chunks, name) for name in ("row", "min_ms", "max_ms", "source"))
    return (
        bool(np.all(chunks.aggregate[counts] == Aggregate.COUNT))
        and bool(np.all(chunks.aggregate[sums] == Aggregate.SUM))
        and all(np.array_equal(column[counts], column[sums]) for column in same)
    )


def decode_chosen(
    chosen: ChosenChunks, every: ChunkColumns, buffers: Sequence[Bytes], symbols: SymbolTable, lane_first: Longs,
    time_range: TimeRange, stop: Bytes,
) -> DecodedChunks:  # fmt: skip
    """Return the samples of the chosen chunks within the range, chunks in their order.

    every: the chunks that `chosen.counts` numbers · lane_first: the place of each lane's first chunk
    """
    counters = chosen.chunks.aggregate == Aggregate.COUNTER
    if not counters.any():
        decoded = decode_samples(chosen.chunks, buffers, symbols, time_range, stop)
        return _divide(decoded, chosen.counts, every, buffers, symbols, time_range, stop)
    # What a counter has come to at the beginning of the range is known from the samples before it in the same chunk.
    near = (chosen.chunks.max_ms >= time_range.min_time_ms) & (chosen.chunks.min_ms <= time_range.max_time_ms)
    decoded = decode_samples(chosen.chunks.take(np.flatnonzero(near)), buffers, symbols, ALL_TIME, stop)
    decoded = _spread(decoded, near)
    return _join(decoded, lane_first, np.logical_or.reduceat(counters, lane_first), time_range)


def _spread(decoded: DecodedChunks, near: Flags) -> DecodedChunks:
    """Return the same samples with chunks without any where `near` is not set."""
    counts = np.zeros(len(near), np.int64)
    counts[near] = np.diff(decoded.chunk_start)
    status = np.zeros(len(near), np.uint8)
    status[near] = decoded.status
    chunk_start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return replace(decoded, chunk_start=chunk_start, status=status)


def _join(decoded: DecodedChunks, lane_first: Longs, counters: Flags, time_range: TimeRange) -> DecodedChunks:
    count = len(decoded.timestamps_ms)
    plain = np.zeros(count, np.bool_) if decoded.histograms is None else decoded.histograms.held
    kept = np.empty(count, np.bool_)
    lane_start = np.append(decoded.chunk_start[lane_first], count)
    join_counters(lane_start, decoded.timestamps_ms, decoded.values, plain, counters, kept)
    kept &= decoded.timestamps_ms >= time_range.min_time_ms
    kept &= decoded.timestamps_ms <= time_range.max_time_ms
    return _keep(decoded, kept)


def _keep(decoded: DecodedChunks, kept: Flags) -> DecodedChunks:
    """Return the samples for which bool[m] `kept` is set; chunks stay, and may be empty."""
    if kept.all():
        return decoded
    before = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
    return DecodedChunks(
        before[decoded.chunk_start],
        decoded.timestamps_ms[kept],
        decoded.values[kept],
        decoded.status,
        decoded.histograms.at(kept) if decoded.histograms is not None else None,
        decoded.start_ms[kept] if decoded.start_ms is not None else None,
    )


def _divide(
    decoded: DecodedChunks, counts: Longs, every: ChunkColumns, buffers: Sequence[Bytes], symbols: SymbolTable,
    time_range: TimeRange, stop: Bytes,
) -> DecodedChunks:  # fmt: skip
    """Return the samples with those of sums divided by their counts."""
    sums = counts >= 0
    if not sums.any():
        return decoded
    beside = decode_samples(every.take(counts[sums]), buffers, symbols, time_range, stop)
    # Chunks without a count lie beside no samples: theirs are kept and divided by one.
    start = np.zeros(len(counts) + 1, np.int64)
    start[1:][sums] = np.diff(beside.chunk_start)
    start = np.cumsum(start)
    divisor = np.empty(len(decoded.values))
    kept = np.empty(len(decoded.values), np.bool_)
    match_counts(
        decoded.chunk_start, decoded.timestamps_ms, start, beside.timestamps_ms, beside.values, divisor, kept
    )  # fmt: skip
    kept |= np.repeat(~sums, np.diff(decoded.chunk_start))
    status = decoded.status.copy()
    status[sums] = np.maximum(status[sums], beside.status)
    with np.errstate(all="ignore"):
        values = np.where(divisor == 1.0, decoded.values, decoded.values / divisor)
    histograms = _scale(decoded.histograms, divisor) if decoded.histograms is not None else None
    return _keep(replace(decoded, values=values, histograms=histograms, status=status), kept)


def _scale(cells: HistogramCells, divisor: NDArray[np.float64]) -> HistogramCells:
    """Return the histograms divided; divisor: float64[m]."""
    table = cells.table
    by = np.ones(len(table))
    by[cells.index[cells.held]] = divisor[cells.held]
    scaled: Histograms = replace(
        table,
        zero_count=table.zero_count / by,
        count=table.count / by,
        sum=table.sum / by,
        bucket_count=table.bucket_count / np.repeat(by, np.diff(table.bucket_start)),
    )
    return HistogramCells(cells.index, scaled)
