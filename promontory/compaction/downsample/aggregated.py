"""Aggregate chunks to aggregate chunks of a coarser resolution, along the borders of chunks.

    chunks of a series    A A A A A │ H H H │ A        a run ends where floats and histograms meet
    batches of a run      A A│A A│A │ H H H │ A        as many chunks as make one of about 140 windows
    each aggregate        its samples over the chunks of a batch, window by window

A raw chunk in a downsampled block is brought to the block's resolution first; an empty one is left out.

Source: Thanos, pkg/compact/downsample/downsample.go (downsampleAggr), known from its behaviour.
Format: docs/formats/downsampled.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.aggregate_parts import split_chunks
from promontory.chunk.aggregates import PARTS
from promontory.chunk.decode import DecodedChunks
from promontory.compaction.downsample.decoding import (
    FLOAT_ENCODINGS,
    Morsel,
    are_histograms,
    decode_floats,
    decode_histograms,
    name_kinds,
)
from promontory.compaction.downsample.histogram_windows import HistogramBatches, fold_sums
from promontory.compaction.downsample.histogram_windows import fold_counters as fold_histogram_counters
from promontory.compaction.downsample.parts import (
    AggregatePart,
    concat_chunks,
    encode_float_part,
    encode_histogram_part,
    join_parts,
)
from promontory.compaction.downsample.raw import Pieces, downsample_raw, find_runs
from promontory.kernels import downsample_aggregates as kernels
from promontory.model.frame import Aggregate, ChunkColumns, Encoding
from promontory.model.histograms import Histograms

Bools = NDArray[np.bool_]
Codes = NDArray[np.int32]
Longs = NDArray[np.int64]

WAYS = {
    Aggregate.COUNT: kernels.SUM,
    Aggregate.SUM: kernels.SUM,
    Aggregate.MIN: kernels.LEAST,
    Aggregate.MAX: kernels.GREATEST,
}


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of c aggregate chunks: `row` of a part is the number of its chunk; bool[c]: which hold histograms."""

    morsel: Morsel
    histograms: Bools

    def of(self, aggregate: Aggregate, *, histograms: bool) -> Morsel:
        """Return the parts of one aggregate of the chunks that hold histograms, or of the others."""
        chunks = self.morsel.chunks
        return self.morsel.take(
            np.flatnonzero((chunks.aggregate == aggregate) & (self.histograms[chunks.row] == histograms))
        )


def downsample_aggregates(morsel: Morsel, *, from_ms: int, resolution_ms: int) -> Pieces:
    """Return the aggregate chunks of those of `from_ms`, by row and time, and their buffers.

    Raises CorruptionError, StoppedError.
    """
    morsel = _without_raw(morsel, from_ms=from_ms)
    if not len(morsel.chunks):
        return concat_chunks([])
    parts = _split(morsel)
    kinds, counts = np.zeros(len(morsel.chunks), np.int64), np.zeros(len(morsel.chunks), np.int64)
    decoded = {
        aggregate: _decode_histogram_part(parts.of(aggregate, histograms=True))
        for aggregate in (Aggregate.SUM, Aggregate.COUNTER)
    }
    for found in decoded.values():
        kinds[found.chunk] = kinds[found.chunk] * (len(kinds) + 2) + 1 + name_kinds(found.samples, found.table)
    counted = {held: parts.of(Aggregate.COUNT, histograms=held) for held in (False, True)}
    samples = {held: decode_floats(each) for held, each in counted.items()}
    for held, each in counted.items():
        counts[each.chunks.row] = np.diff(samples[held].chunk_start)
    start = _cut(morsel.chunks, find_runs(morsel.chunks.row, kinds), counts, from_ms, resolution_ms)
    of_histograms = parts.histograms[start[:-1]]
    pieces = []
    for held in (False, True):
        batch = np.flatnonzero(of_histograms == held)
        if not len(batch):
            continue
        lanes = _Lanes(np.append(start[batch], start[-1]), resolution_ms)
        folded = [lanes.fold(Aggregate.COUNT, counted[held].chunks.row, samples[held])]
        if held:
            folded += [lanes.fold_histograms(aggregate, found) for aggregate, found in decoded.items()]
        else:
            folded += [
                lanes.fold(aggregate, part.chunks.row, decode_floats(part))
                for aggregate in (Aggregate.SUM, Aggregate.MIN, Aggregate.MAX, Aggregate.COUNTER)
                for part in (parts.of(aggregate, histograms=False),)
            ]
        joined = join_parts(folded, morsel.chunks.row[start[batch]])
        pieces.append((joined.chunks, (joined.data,)))
    return concat_chunks(pieces)


def _without_raw(morsel: Morsel, *, from_ms: int) -> Morsel:
    """Return the morsel with raw chunks downsampled, each by itself; one without samples is left out."""
    whole = morsel.chunks.encoding == Encoding.AGGREGATES
    if whole.all():
        return morsel
    raw = morsel.take(np.flatnonzero(~whole))
    chunks, buffers = downsample_raw(raw, resolution_ms=from_ms, along_chunks=True)
    aggregates = morsel.chunks.take(np.flatnonzero(whole))
    chunks, buffers = concat_chunks([(aggregates, morsel.buffers), (chunks, buffers)])
    return replace(morsel, chunks=chunks, buffers=buffers)


def _split(morsel: Morsel) -> _Parts:
    """Return the parts of aggregate chunks. Raises CorruptionError where they are not what their chunk is."""
    chunks = morsel.chunks
    numbered = replace(chunks, row=np.arange(len(chunks), dtype=np.int32))
    parts, broken = split_chunks(numbered, morsel.buffers, PARTS)
    if len(broken):
        row, min_ms = int(chunks.row[broken[0]]), int(chunks.min_ms[broken[0]])
        raise morsel.broken(row, min_ms, expected="five parts that fill it", found="other bytes")
    histograms = np.zeros(len(chunks), np.bool_)
    main = np.isin(parts.aggregate, (Aggregate.SUM, Aggregate.COUNTER))
    of_histograms = are_histograms(parts.encoding)
    histograms[parts.row[main & of_histograms]] = True
    wanted = histograms[parts.row] & main
    wrong = np.flatnonzero((of_histograms != wanted) | ~(of_histograms | np.isin(parts.encoding, FLOAT_ENCODINGS)))
    if len(wrong):
        chunk = int(parts.row[wrong[0]])
        aggregate, encoding = Aggregate(int(parts.aggregate[wrong[0]])), int(parts.encoding[wrong[0]])
        row, min_ms = int(chunks.row[chunk]), int(chunks.min_ms[chunk])
        raise morsel.broken(row, min_ms, expected=f"a {aggregate.name} that fits", found=f"encoding {encoding}")
    # Errors name a part by its row, which is a chunk's number here.
    named = replace(morsel, labels=morsel.labels.take(chunks.row.astype(np.int64)), chunks=parts)
    return _Parts(named, histograms)


@dataclass(frozen=True, slots=True)
class _HistogramPart:
    """Histograms of one aggregate: chunk int32[p], the chunk of each part, their samples, and a table row for each."""

    chunk: Codes
    samples: DecodedChunks
    table: Histograms


def _decode_histogram_part(morsel: Morsel) -> _HistogramPart:
    return _HistogramPart(morsel.chunks.row, *decode_histograms(morsel))


def _cut(chunks: ChunkColumns, runs: Longs, counts: Longs, from_ms: int, resolution_ms: int) -> Longs:
    """Return int64[b + 1]: the chunk with which each batch begins, and the end."""
    run_start = np.append(np.flatnonzero(np.diff(runs, prepend=-1)), len(runs))
    start = np.empty(len(runs) + 1, np.int64)
    count = kernels.cut_chunk_batches(run_start, chunks.min_ms, chunks.max_ms, counts, from_ms, resolution_ms, start)
    return start[: count + 1]


@dataclass(frozen=True, slots=True)
class _Lanes:
    """The batches of one sort: first int64[b + 1], their first chunks and an end."""

    first: Longs
    resolution_ms: int

    def fold(self, aggregate: Aggregate, chunk: Codes, decoded: DecodedChunks) -> AggregatePart:
        """Return a part of floats; chunk: int32[p], the chunk of each part that was decoded."""
        start = self._start(chunk, decoded)
        times, values = decoded.timestamps_ms, decoded.values
        lanes, most = len(start) - 1, len(values)
        if aggregate is not Aggregate.COUNTER:
            out_start, out_ms, out = np.empty(lanes + 1, np.int64), np.empty(most, np.int64), np.empty(most)
            kernels.fold_aggregates(start, times, values, self.resolution_ms, WAYS[aggregate], out_start, out_ms, out)
            return encode_float_part(aggregate, out_start, out_ms, out)
        kept, last = np.empty(lanes + 1, np.int64), np.empty(lanes)
        kernels.follow_counters(start, times, values, kept, last)
        most += 2 * lanes
        out_start, out_ms, out = np.empty(lanes + 1, np.int64), np.empty(most, np.int64), np.empty(most)
        kernels.fold_counters(kept, times, values, last, self.resolution_ms, out_start, out_ms, out)
        return encode_float_part(aggregate, out_start, out_ms, out)

    def fold_histograms(self, aggregate: Aggregate, found: _HistogramPart) -> AggregatePart:
        """Return a part of histograms: their SUM or their COUNTER."""
        start = self._start(found.chunk, found.samples)
        fold = fold_sums if aggregate is Aggregate.SUM else fold_histogram_counters
        windows = fold(HistogramBatches.of(start, found.samples.timestamps_ms, found.table), self.resolution_ms)
        return encode_histogram_part(aggregate, windows.start, windows.times, windows.table)

    def _start(self, chunk: Codes, decoded: DecodedChunks) -> Longs:
        """Return int64[b + 1]: where the samples of each batch begin."""
        found: Longs = decoded.chunk_start[np.searchsorted(chunk, self.first)]
        found[-1] = decoded.chunk_start[-1]
        return found
