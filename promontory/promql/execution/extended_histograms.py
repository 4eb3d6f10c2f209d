"""Histograms under `anchored` and `smoothed` selectors.

    rates      right - left + each histogram before a counter reset between them
    counts     as in any window; the sample that anchors it is its first
    look-ups   left + (right - left) * fraction, or right * fraction after a reset

A window that holds floats and histograms, in what is read beyond its edges too, has no rate and shows nothing.

Source: Prometheus 3.14, promql/functions.go, extendedHistogramRate; engine.go, smoothSeries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.histogram_windows import find_windows
from promontory.model.histograms import HistogramCells, Histograms, ResetHint, concat_histograms, with_hint
from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid
from promontory.promql.execution import annotations as texts
from promontory.promql.execution.extended_increase import Boundaries, increase_between, interpolate_pairs
from promontory.promql.execution.histogram_lists import Found, Windows
from promontory.promql.execution.histogram_windows import RULES
from promontory.promql.execution.run import Run
from promontory.promql.plan.nodes import Extension, Read
from promontory.promql.plan.position import Position

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.int64]
Bounds = tuple[Index, Index]

COUNTING = frozenset(["changes", "resets"])

# Windows that are evaluated together: what is known of them are columns in memory.
BLOCK_WINDOWS = 1 << 18


@dataclass(frozen=True, slots=True)
class Extended:
    """What a function over an extended selector needs to know beside its samples; `ends` are those of the windows."""

    run: Run
    function: str
    read: Read
    ends: TimeGrid
    position: Position

    @property
    def smoothed(self) -> bool:
        """Whether edges lie between samples."""
        return self.read.extension is Extension.SMOOTHED

    @property
    def counter(self) -> bool:
        """Whether the function is one of counters."""
        return self.function in ("rate", "increase")


def evaluate_extended(
    asked: Extended, samples: Samples, find: Callable[[Samples], Bounds], values: Floats, present: Flags
) -> HistogramCells | None:
    """Correct `values` and `present`, [n, k], where windows hold histograms, and return the histograms they make.

    find: gives the first and the last sample of each window.
    """
    assert samples.histograms is not None
    before = np.concatenate([[0], np.cumsum(samples.histograms.held)])
    rows = np.flatnonzero(before[samples.row_start[1:]] > before[samples.row_start[:-1]])
    index = np.full(present.shape, -1, np.int32)
    tables: list[Histograms] = []
    size = max(1, BLOCK_WINDOWS // max(present.shape[1], 1))
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        taken = samples.take(block)
        found = _evaluate(asked, taken, find(taken), values[block], present[block])
        shape = (len(block), present.shape[1])
        values[block], present[block] = found.values.reshape(shape), found.present.reshape(shape)
        places = np.full(found.present.size, -1, np.int32)
        places[found.where] = sum(map(len, tables)) + np.arange(len(found.where), dtype=np.int32)
        index[block] = places.reshape(shape)
        tables.append(found.table)
        asked.run.expect_bytes(sum(table.resident_bytes for table in tables))
    present |= index >= 0
    return HistogramCells(index, concat_histograms(tables)) if (index >= 0).any() else None


def _evaluate(asked: Extended, samples: Samples, bounds: Bounds, values: Floats, present: Flags) -> Found:
    first, last = bounds
    if asked.function in COUNTING:
        end_ms = np.zeros(values.shape[1], np.int64)
        windows = Windows.over(samples, first, last + 1, end_ms, asked.read.range_ms, values, present)
        return RULES[asked.function](asked.run, windows, asked.position)
    windows = windows_read(asked.run, asked.read, samples, asked.ends, values, present)
    windows.note(asked.run.warn, texts.mixed_with_floats, windows.mixed, asked.position)
    chosen = np.flatnonzero((windows.histograms > 0) & (windows.floats == 0) & (last >= first).ravel())
    end_ms = windows.end_ms[chosen]
    between = Boundaries(chosen, first.ravel()[chosen], last.ravel()[chosen], end_ms - asked.read.range_ms, end_ms)
    where, table = increase_between(
        asked.run, windows, between, asked.position, counter=asked.counter, smoothed=asked.smoothed,
        divisor=asked.read.range_ms / 1000.0 if asked.function == "rate" else None,
    )  # fmt: skip
    return Found(windows.values, windows.present & (windows.histograms == 0), where, table)


def windows_read(
    run: Run, read: Read, samples: Samples, ends: TimeGrid, values: Floats, present: Flags
) -> Windows:  # fmt: skip
    """Return all that is read for each window, beyond its edges too."""
    low, high = np.zeros(values.shape, np.int64), np.zeros(values.shape, np.int64)
    find_windows(
        samples.row_start, samples.timestamps_ms, ends.start_ms + read.after_ms, ends.step_ms,
        read.before_ms + read.range_ms + read.after_ms, run.stop, low, high,
    )  # fmt: skip
    end_ms = ends.start_ms + ends.step_ms * np.arange(values.shape[1], dtype=np.int64)
    return Windows.over(samples, low, high, end_ms, read.range_ms, values, present)


def smooth_histograms(asked: Extended, samples: Samples, around: Bounds, steps: Steps) -> Steps:
    """Return the values at each time corrected where histograms are around it.

    around: the samples before and behind each time, as kernels/extended_windows.py finds them.
    """
    run, position = asked.run, asked.position
    windows = windows_read(run, asked.read, samples, asked.ends, steps.values, steps.present)
    windows.note(run.warn, texts.mixed_with_floats, windows.mixed, position)
    left, right = around[0].ravel(), around[1].ravel()
    row, table = windows.table_row, windows.cells.table
    shown = (windows.histograms > 0) & (windows.floats == 0) & (left >= 0)
    index = np.full(windows.count, -1, np.int64)
    exact = shown & (right == left)
    index[exact] = row[left[exact]]
    pair = np.flatnonzero(shown & (right > left))
    custom = table.custom
    unlike = custom[row[left[pair]]] != custom[row[right[pair]]]
    windows.note(run.warn, texts.mixed_schemas, pair[unlike], position)
    pair = pair[~unlike]
    carried = np.flatnonzero(shown & (right < 0))
    index[pair] = len(table) + np.arange(len(pair))
    index[carried] = len(table) + len(pair) + np.arange(len(carried))
    before, after = row[left[pair]], row[right[pair]]
    times = samples.timestamps_ms
    fraction = (windows.end_ms[pair] - times[left[pair]]) / (times[right[pair]] - times[left[pair]])
    counter = (table.hint[before] != ResetHint.GAUGE) | (table.hint[after] != ResetHint.GAUGE)
    between = interpolate_pairs(run, table, before, after, fraction, counter, position)
    last = with_hint(table.take(row[left[carried]]), ResetHint.UNKNOWN)
    cells = HistogramCells(windows.shaped(index).astype(np.int32), concat_histograms([table, between, last])).compact()
    floats = windows.shaped(windows.present & (windows.histograms == 0))
    present = floats if cells is None else floats | cells.held
    return replace(steps, present=present, histograms=cells)
