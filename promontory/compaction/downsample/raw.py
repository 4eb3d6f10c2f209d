"""Raw chunks to aggregate chunks of one resolution.

    chunks of a series     float float │ histogram histogram │ float        a run ends where the kind changes
    runs -> batches -> windows (kernels/downsample_windows.py) -> parts -> aggregate chunks

Floats give all five aggregates, native histograms count, sum and counter. NaN and stale samples are left out.

Source: Thanos, pkg/compact/downsample/downsample.go, known from its behaviour. Beside what it cuts, a run ends where
the zero threshold, the custom bounds or being a gauge change; Thanos fails there or loses the windows before.
Format: docs/formats/downsampled.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import DecodedChunks
from promontory.compaction.downsample.decoding import (
    Morsel,
    are_histograms,
    decode_floats,
    decode_histograms,
    name_kinds,
)
from promontory.compaction.downsample.histogram_windows import HistogramBatches, fold_counters, fold_sums
from promontory.compaction.downsample.parts import (
    AggregatePart,
    concat_chunks,
    encode_float_part,
    encode_histogram_part,
    join_parts,
)
from promontory.kernels import downsample_windows as windows
from promontory.model.frame import Aggregate, ChunkColumns
from promontory.model.histograms import Histograms, ResetHint
from promontory.model.starts import find_starts

Bools = NDArray[np.bool_]
Codes = NDArray[np.int32]
Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Pieces = tuple[ChunkColumns, tuple[NDArray[np.uint8], ...]]

# Thanos takes raw samples to be a minute apart when it says how many chunks they make.
RAW_STEP_MS = 60_000


@dataclass(frozen=True, slots=True)
class Batches:
    """b batches of samples, none empty: start int64[b + 1], row int32[b], times int64[m]."""

    start: Longs
    row: Codes
    times: Longs

    def keep(self, kept: Bools) -> Batches:
        """Return what is left where bool[m] samples are kept."""
        start = find_starts(kept)[self.start]
        left = np.diff(start) > 0
        return Batches(np.append(start[:-1][left], start[-1]), self.row[left], self.times[kept])


def downsample_raw(morsel: Morsel, *, resolution_ms: int, along_chunks: bool = False) -> Pieces:
    """Return the aggregate chunks of raw chunks, by row and time, and their buffers.

    `along_chunks` makes a run of each chunk. Raises CorruptionError, StoppedError.
    """
    held = are_histograms(morsel.chunks.encoding)
    floats, others = morsel, morsel.take(np.empty(0, np.int64))
    if held.any():
        floats, others = morsel.take(np.flatnonzero(~held)), morsel.take(np.flatnonzero(held))
    kinds = np.zeros(len(held), np.int64)
    decoded, table = decode_histograms(others)
    if len(others.chunks):
        # Chunks of which nothing is left are a kind of their own: they cut floats, as in Thanos.
        kinds[held] = 1 + name_kinds(decoded, table)
    runs = np.arange(len(held)) if along_chunks else find_runs(morsel.chunks.row, kinds)
    pieces = []
    if len(floats.chunks):
        pieces.append(_downsample_floats(floats, runs[~held], resolution_ms))
    if len(decoded.values):
        batches = _cut(decoded, runs[held], others.chunks.row, resolution_ms)
        pieces.append(_downsample_histograms(batches, table, resolution_ms))
    return concat_chunks([(chunks, (data,)) for chunks, data in pieces if len(chunks)])


def find_runs(row: Codes, kinds: Longs) -> Longs:
    """Return int64[c], rising: the number of the run that each chunk is of."""
    change = (row[1:] != row[:-1]) | (kinds[1:] != kinds[:-1])
    return np.concatenate([np.zeros(min(len(row), 1), np.int64), np.cumsum(change)])


def _cut(decoded: DecodedChunks, runs: Longs, row: Codes, resolution_ms: int) -> Batches:
    """Return the batches of the samples; runs: int64[c] of the chunks."""
    first = np.flatnonzero(np.diff(runs, prepend=-1))
    run_start = np.append(decoded.chunk_start[first], decoded.chunk_start[-1])
    held = np.diff(run_start) > 0
    run_start, run_row = np.append(run_start[:-1][held], run_start[-1]), row[first[held]]
    start = np.empty(len(decoded.timestamps_ms) + 1, np.int64)
    count = windows.cut_batches(run_start, decoded.timestamps_ms, RAW_STEP_MS, resolution_ms, start)
    start = start[: count + 1].copy()
    run = np.searchsorted(run_start, start[:-1], side="right") - 1
    return Batches(start, run_row[run], decoded.timestamps_ms)


def _downsample_floats(morsel: Morsel, runs: Longs, resolution_ms: int) -> tuple[ChunkColumns, NDArray[np.uint8]]:
    decoded = decode_floats(morsel)
    batches, values = _cut(decoded, runs, morsel.chunks.row, resolution_ms), decoded.values
    if windows.count_nans(values):
        kept = ~np.isnan(values)
        batches, values = batches.keep(kept), values[kept]
    parts = _fold_floats(batches, values, resolution_ms)
    joined = join_parts(parts, batches.row)
    return joined.chunks, joined.data


def _fold_floats(batches: Batches, values: Floats, resolution_ms: int) -> list[AggregatePart]:
    count = len(batches.row)
    # Address space only: pages that no window reaches are never touched.
    most = windows.bound_windows(batches.start, batches.times, resolution_ms)
    start, times = np.empty(count + 1, np.int64), np.empty(most, np.int64)
    counts, sums, least, greatest = (np.empty(most) for _ in range(4))
    counter_ms, counter = np.empty(most + 2 * count, np.int64), np.empty(most + 2 * count)
    windows.fold_floats(
        batches.start, batches.times, values, resolution_ms,
        start, times, counts, sums, least, greatest, counter_ms, counter,
    )  # fmt: skip
    return [
        encode_float_part(Aggregate.COUNT, start, times, counts),
        encode_float_part(Aggregate.SUM, start, times, sums),
        encode_float_part(Aggregate.MIN, start, times, least),
        encode_float_part(Aggregate.MAX, start, times, greatest),
        encode_float_part(Aggregate.COUNTER, start + 2 * np.arange(count + 1), counter_ms, counter),
    ]


def _downsample_histograms(
    batches: Batches, table: Histograms, resolution_ms: int
) -> tuple[ChunkColumns, NDArray[np.uint8]]:
    kept = ~np.isnan(table.sum)
    if not kept.all():
        batches, table = batches.keep(kept), _drop_rows(table, kept)
    laid_out = HistogramBatches.of(batches.start, batches.times, table)
    sums, counters = fold_sums(laid_out, resolution_ms), fold_counters(laid_out, resolution_ms)
    parts = [
        encode_float_part(Aggregate.COUNT, sums.start, sums.times, sums.count),
        encode_histogram_part(Aggregate.SUM, sums.start, sums.times, sums.table),
        encode_histogram_part(Aggregate.COUNTER, counters.start, counters.times, counters.table),
    ]
    joined = join_parts(parts, batches.row)
    return joined.chunks, joined.data


def _drop_rows(table: Histograms, kept: Bools) -> Histograms:
    """Return the rows for which bool[m] is set. What follows a dropped one may have been reset by it."""
    hint = table.hint.copy()
    hint[1:][~kept[:-1] & (hint[1:] == ResetHint.NOT_RESET)] = ResetHint.UNKNOWN
    return replace(table, hint=hint).take(np.flatnonzero(kept))
