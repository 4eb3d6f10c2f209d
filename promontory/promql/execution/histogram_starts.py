"""Rates of histograms whose counters began inside the window: the first sample is the increase since that start.

Source: Prometheus 3.14, promql/functions.go, extrapolatedRate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.model.histograms import Histograms, concat_histograms
from promontory.promql.execution import annotations as texts
from promontory.promql.execution.histogram_algebra import add_pairs, scale
from promontory.promql.execution.histogram_lists import Found, Windows
from promontory.promql.execution.run import Run
from promontory.promql.execution.start_times import find_restarts, hold_marked, warn_overlaps
from promontory.promql.plan.position import Position

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.int64]


def find_begun(windows: Windows) -> Flags:
    """Return bool[w]: the windows of histograms inside of which, before the first sample, the counter began."""
    chosen = (windows.histograms > 0) & (windows.floats == 0)
    if windows.samples.start_ms is None or not chosen.any():
        return np.zeros(windows.count, np.bool_)
    first = np.where(chosen, windows.low, 0)
    begun_ms, first_ms = windows.samples.start_ms[first], windows.samples.timestamps_ms[first]
    inside = (begun_ms != 0) & (begun_ms > windows.end_ms - windows.range_ms) & (begun_ms < first_ms)
    begun: Flags = chosen & inside
    return begun


def note_overlaps(run: Run, windows: Windows, window: Index, position: Position) -> None:
    """Note where in the windows at the indexes `window` a counter began before the sample before it."""
    overlapped = find_restarts(windows.samples)[1]
    if overlapped.any():
        noted = np.zeros(windows.count, np.bool_)
        noted[window] = hold_marked(overlapped, windows.low[window], windows.high[window])
        warn_overlaps(run, windows.samples.labels, windows.shaped(noted), position)


def begin_at_starts(
    run: Run, windows: Windows, begun: Flags, window: Index, table: Histograms, factor: Floats, divisor: float,
    position: Position,
) -> Found:  # fmt: skip
    """Return the rates of all windows, those that have `begun` inside counted from there and not extrapolated.

    window: the windows that have an increase between samples, `table` these increases and `factor` what they are
    scaled by. A window of one sample has none and begins with its only sample.
    """
    source, row = windows.cells.table, windows.table_row
    single = np.flatnonzero(begun & (windows.histograms == 1))
    first = row[windows.low[single]]
    place = np.flatnonzero(begun[window])
    parts = concat_histograms([table, source])
    more = add_pairs(parts, place, len(table) + row[windows.low[window[place]]], run.stop)
    windows.note(run.warn, texts.mixed_schemas, window[place[more.failed]], position)
    if (more.reconciled & ~more.failed).any():
        run.inform(texts.reconciled_bounds("addition"), position)
    plain = np.flatnonzero(~begun[window])
    good = ~more.failed
    where = np.concatenate([window[plain], window[place[good]], single])
    since = _factors(windows, where[len(plain) :]) / divisor
    found = concat_histograms([table.take(plain), more.plain.take(np.flatnonzero(good)), source.take(first)])
    return Found(windows.values, windows.present, where, scale(found, np.concatenate([factor[plain], since])))


def _factors(windows: Windows, window: Index) -> Floats:
    """Return by what each increase since the counter's start grows to fill its window to the right."""
    assert windows.samples.start_ms is not None
    times, first, last = windows.samples.timestamps_ms, windows.low[window], windows.high[window] - 1
    gap = (times[last] - times[first]) / 1000.0 / np.maximum(last - first, 1)
    sampled = (times[last] - windows.samples.start_ms[first]) / 1000.0
    to_end = (windows.end_ms[window] - times[last]) / 1000.0
    to_end = np.where(to_end >= gap * 1.1, gap / 2.0, to_end)
    factors: Floats = (sampled + to_end) / sampled
    return factors
