"""Batches of native histograms to windows: sums, which are gauges, and counters.

Format: docs/formats/downsampled.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.kernels import downsample_histograms as kernels
from promontory.kernels.downsample_windows import bound_windows
from promontory.kernels.histogram_bounds import bound_fractions
from promontory.kernels.histogram_pairs import find_resets
from promontory.model.histograms import Histograms, ResetHint, concat_histograms

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Schemas = NDArray[np.int8]

# Buckets that are written in one call of the kernel, where one batch does not need more.
BUCKETS_AT_ONCE = 1 << 22


@dataclass(frozen=True, slots=True)
class HistogramWindows:
    """The windows of b batches: start int64[b + 1], times int64[w], count float64[w] samples, table of w rows."""

    start: Longs
    times: Longs
    count: Floats
    table: Histograms


@dataclass(frozen=True, slots=True)
class _Layout:
    """The least schema of each batch, int8[b], and the keys of its buckets there as CSR."""

    schema: Schemas
    start: Longs
    key: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class HistogramBatches:
    """Rows of a table as b batches, some of them empty: start int64[b + 1], times int64[m], and their layout."""

    start: Longs
    times: Longs
    table: Histograms
    layout: _Layout

    @staticmethod
    def of(start: Longs, times: Longs, table: Histograms) -> HistogramBatches:
        """Return the batches, their buckets laid out."""
        return HistogramBatches(start, times, table, _unite(start, table))


def fold_sums(batches: HistogramBatches, width_ms: int) -> HistogramWindows:
    """Return the sums of windows."""
    return _fold(batches, np.zeros(len(batches.table), np.bool_), width_ms, counters=False)


def fold_counters(batches: HistogramBatches, width_ms: int) -> HistogramWindows:
    """Return the counter at each window as if it had not been reset within its batch."""
    return _fold(batches, _find_resets(batches.start, batches.table), width_ms, counters=True)


def _fold(batches: HistogramBatches, reset: Bools, width_ms: int, *, counters: bool) -> HistogramWindows:
    batch_start, times, table, layout = batches.start, batches.times, batches.table, batches.layout
    fact = np.ascontiguousarray(np.stack([table.zero_count, table.count, table.sum], axis=1))
    dense = np.zeros((3, int(np.diff(layout.start).max(initial=0))))
    state = np.zeros((3, kernels.FACTS))
    pieces: list[HistogramWindows] = []
    first, shift = 0, 0
    while first < len(batch_start) - 1:
        until = _choose_end(batch_start, times, layout, width_ms, first)
        most = bound_windows(batch_start[first : until + 1], times, width_ms)
        widest = int(np.diff(layout.start[first : until + 1]).max(initial=0))
        start, window_ms = np.empty(until - first + 1, np.int64), np.empty(most, np.int64)
        count, out_fact, out_start = np.empty(most), np.empty((most, kernels.FACTS)), np.empty(most + 1, np.int64)
        key, held = np.empty(most * widest, np.int32), np.empty(most * widest)
        written = kernels.fold_histograms(
            int(counters), first, until, batch_start, times, reset, width_ms, table.schema, fact, table.bucket_start,
            table.bucket_key, table.bucket_count, layout.schema, layout.start, layout.key, dense, state,
            start, window_ms, count, out_fact, out_start, key, held,
        )  # fmt: skip
        batch = first + np.repeat(np.arange(until - first), np.diff(start))
        used = int(out_start[written])
        zeros, total, value_sum = np.ascontiguousarray(out_fact[:written].T)
        model = batch_start[batch]  # a batch's first row says what all its rows share
        hint = table.hint[model] if counters else np.full(written, ResetHint.GAUGE, np.uint8)
        found = Histograms(
            schema=layout.schema[batch], hint=hint, bounds=table.bounds[model],
            zero_threshold=table.zero_threshold[model], zero_count=zeros, count=total, sum=value_sum,
            bucket_start=out_start[: written + 1].copy(), bucket_key=key[:used].copy(),
            bucket_count=held[:used].copy(), symbols=table.symbols,
        )  # fmt: skip
        pieces.append(HistogramWindows(start[:-1] + shift, window_ms[:written], count[:written], found))
        shift += written
        first = until
    return HistogramWindows(
        np.append(np.concatenate([piece.start for piece in pieces]), shift),
        np.concatenate([piece.times for piece in pieces]),
        np.concatenate([piece.count for piece in pieces]),
        concat_histograms([piece.table for piece in pieces]),
    )


def _choose_end(batch_start: Longs, times: Longs, layout: _Layout, width_ms: int, first: int) -> int:
    """Return the batch before which a call of the kernel is to end."""
    widths = np.maximum.accumulate(np.diff(layout.start[first:]))
    sizes = np.cumsum(np.diff(batch_start[first:])) * widths
    return first + max(int(np.searchsorted(sizes, BUCKETS_AT_ONCE, side="right")), 1)


def _unite(batch_start: Longs, table: Histograms) -> _Layout:
    least = np.empty(len(batch_start) - 1, np.int8)
    kernels.find_least_schemas(batch_start, table.schema, least)
    largest = int(np.diff(table.bucket_start[batch_start]).max(initial=0))
    scratch, start = np.empty((2, largest), np.int32), np.empty(len(batch_start), np.int64)
    # Address space only: pages that no key reaches are never touched.
    keys = np.empty(len(table.bucket_key), np.int32)
    used = kernels.unite_batch_keys(
        batch_start, table.schema, least, table.bucket_start, table.bucket_key, scratch, start, keys
    )  # fmt: skip
    return _Layout(least, start, keys[:used].copy())


def _find_resets(batch_start: Longs, table: Histograms) -> Bools:
    """Return bool[m]: before which rows a counter was reset. A gauge is never, nor the first row of a batch."""
    reset = np.zeros(len(table), np.bool_)
    asked = table.hint != ResetHint.GAUGE
    asked[batch_start[:-1][np.diff(batch_start) > 0]] = False
    current = np.flatnonzero(asked)
    if not len(current):
        return reset
    row, bounds_start, bounds = table.bound_values()
    kind = np.ascontiguousarray(np.stack([table.schema, table.hint, row], axis=1), np.int32)
    fact = np.ascontiguousarray(np.stack([table.zero_threshold, table.zero_count, table.count, table.sum], axis=1))
    most, found = int(np.diff(table.bucket_start).max(initial=1)), np.zeros(len(current), np.bool_)
    find_resets(
        current, current - 1, kind, fact, table.bucket_start, table.bucket_key, table.bucket_count,
        bounds_start, bounds, bound_fractions(), np.empty((2, most), np.int32), np.empty((2, most)),
        np.empty((2, most)), np.empty(int(np.diff(bounds_start).max(initial=1))), found,
    )  # fmt: skip
    reset[current] = found
    return reset
