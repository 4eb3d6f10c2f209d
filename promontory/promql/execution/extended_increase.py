"""The increase of histograms between the edges of anchored and smoothed windows.

                    |<---- window ---->|
    anchored   h0   |    h1     h2     |            h2 - h0, and h0 or h1 where the next one is after a reset
    smoothed   h0  left  h1     h2   right  h3      right - left, and left, h1 or h2 where the next one is

A reset that the left edge lies in is accounted for by the left value, which then grew from nothing.

Source: Prometheus 3.14, promql/functions.go, interpolateHistograms, validateHistogramRange and
correctForCounterResetsHistogram.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.model.histograms import Histograms, ResetHint, concat_histograms
from promontory.promql.execution import annotations as texts
from promontory.promql.execution.histogram_algebra import (
    add_lists,
    add_pairs,
    detect_resets,
    divide,
    scale,
    subtract_pairs,
)
from promontory.promql.execution.histogram_lists import Windows, find_histogram_resets, spread
from promontory.promql.execution.histogram_rates import as_gauges
from promontory.promql.execution.run import Run
from promontory.promql.plan.position import Position

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Boundaries:
    """p windows of histograms: `window` int64[p], their first and last samples, and their edges."""

    window: Index
    first: Index
    last: Index
    start_ms: Index
    end_ms: Index

    def at(self, chosen: Flags) -> Boundaries:
        """Return some of the windows."""
        return Boundaries(
            self.window[chosen], self.first[chosen], self.last[chosen], self.start_ms[chosen], self.end_ms[chosen]
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Edges:
    """The values at the edges: rows `left` and `right`, int64[p], of `table`, and which lie between samples."""

    table: Histograms
    left: Index
    right: Index
    left_between: Flags
    right_between: Flags


def increase_between(
    run: Run, windows: Windows, spans: Boundaries, position: Position, *, counter: bool, smoothed: bool,
    divisor: float | None,
) -> tuple[Index, Histograms]:  # fmt: skip
    """Return the windows that have an increase, and the increases over `divisor`."""
    spans = _check(run, windows, spans, position, counter=counter)
    edges = _find_edges(run, windows, spans, position, counter=counter, smoothed=smoothed)
    if not counter:
        gauges = (edges.table.hint[[edges.left, edges.right]] == ResetHint.GAUGE).all(axis=0)
        windows.note(run.warn, texts.not_a_gauge, spans.window[~gauges], position)
    combined = subtract_pairs(edges.table, edges.right, edges.left, run.stop)
    if combined.reconciled_less.any():
        run.inform(texts.reconciled_bounds("subtraction"), position)
    increases = combined.plain
    if counter:
        increases = _correct(run, windows, spans, edges, increases, position)
    if divisor is not None:
        increases = divide(increases, np.full(len(increases), divisor))
    return spans.window, as_gauges(increases)


def interpolate_pairs(
    run: Run, table: Histograms, before: Index, after: Index, fraction: Floats, counter: Flags, position: Position
) -> Histograms:
    """Return the histograms at a fraction of the way between pairs of rows whose layouts fit.

    counter bool[p]: after a reset it is on the way from nothing
    """
    reset = counter & detect_resets(table, after, before)
    grown = np.flatnonzero(~reset)
    less = subtract_pairs(table, after[grown], before[grown], run.stop)
    if less.reconciled_less.any():
        run.inform(texts.reconciled_bounds("subtraction"), position)
    part = scale(less.plain, fraction[grown])
    both = concat_histograms([table, part])
    more = add_pairs(both, len(table) + np.arange(len(grown)), before[grown], run.stop)
    if more.reconciled.any():
        run.inform(texts.reconciled_bounds("addition"), position)
    fresh = scale(table.take(after[reset]), fraction[reset])
    place = np.empty(len(before), np.int64)
    place[grown] = np.arange(len(grown))
    place[reset] = len(grown) + np.arange(len(fresh))
    return concat_histograms([more.plain, fresh]).take(place)


def _check(run: Run, windows: Windows, spans: Boundaries, position: Position, *, counter: bool) -> Boundaries:
    """Return the windows whose histograms fit together, having noted those that do not and what is no counter."""
    table, row = windows.cells.table, windows.table_row
    custom = windows.held & table.custom[row]
    change = np.flatnonzero(custom[1:] != custom[:-1]) + 1
    after = np.append(change, len(custom))
    limit = np.minimum(after[np.searchsorted(change, spans.first, side="right")], spans.last + 1)
    if counter:
        gauges = np.concatenate([[0], np.cumsum(windows.held & (table.hint[row] == ResetHint.GAUGE))])
        windows.note(run.warn, texts.not_a_counter, spans.window[gauges[limit] > gauges[spans.first]], position)
    unlike = limit <= spans.last
    windows.note(run.warn, texts.mixed_schemas, spans.window[unlike], position)
    return spans.at(~unlike)


def _find_edges(
    run: Run, windows: Windows, spans: Boundaries, position: Position, *, counter: bool, smoothed: bool
) -> _Edges:  # fmt: skip
    table, row, times = windows.cells.table, windows.table_row, windows.samples.timestamps_ms
    left, right = row[spans.first], row[spans.last]
    left_between = (times[spans.first] < spans.start_ms) & smoothed
    right_between = (times[spans.last] > spans.end_ms) & smoothed
    before = np.concatenate([spans.first[left_between], spans.last[right_between] - 1])
    at_ms = np.concatenate([spans.start_ms[left_between], spans.end_ms[right_between]])
    fraction = (at_ms - times[before]) / (times[before + 1] - times[before]) if len(before) else np.empty(0)
    between = interpolate_pairs(
        run, table, row[before], row[before + 1], fraction, np.full(len(before), counter), position
    )  # fmt: skip
    made = len(table) + np.arange(len(before))
    left[left_between], right[right_between] = np.split(made, [np.count_nonzero(left_between)])
    return _Edges(concat_histograms([table, between]), left, right, left_between, right_between)


def _correct(
    run: Run, windows: Windows, spans: Boundaries, edges: _Edges, increases: Histograms, position: Position
) -> Histograms:
    """Return the increases with what each counter had reached before its resets added."""
    start, member = _find_lost(windows, spans, edges)
    corrected = np.flatnonzero(np.diff(start))
    if not len(corrected):
        return increases
    lost = add_lists(edges.table, np.append(start[corrected], start[-1]), member, run.stop)
    both = concat_histograms([increases, lost.plain])
    more = add_pairs(both, corrected, len(increases) + np.arange(len(corrected)), run.stop)
    if lost.reconciled.any() or more.reconciled.any():
        run.inform(texts.reconciled_bounds("addition"), position)
    place = np.arange(len(increases))
    place[corrected] = len(increases) + np.arange(len(corrected))
    return concat_histograms([increases, more.plain]).take(place)


def _find_lost(windows: Windows, spans: Boundaries, edges: _Edges) -> tuple[Index, Index]:
    """Return lists of the rows of `edges.table` that stand before a reset: list i is member[start[i] : start[i + 1]].

    Three kinds in each list: the left value before the first sample inside, samples before samples, and what stands
    before the right value. Resets between samples are found once for all windows.
    """
    resets, row = find_histogram_resets(windows), windows.table_row
    first, last, table = spans.first, spans.last, edges.table
    following = np.minimum(first + 1, last)
    accounted = edges.left_between & resets[following]
    inner = first + 1 + accounted
    some = inner < last  # samples strictly between the edges' own
    is_fresh = edges.left_between & ~accounted
    begun = np.zeros(len(first), np.bool_)
    asked = np.flatnonzero(is_fresh & some)
    begun[asked] = detect_resets(table, row[inner[asked]], edges.left[asked])
    before_right = np.where(is_fresh & ~some, edges.left, row[np.maximum(last - 1, first)])
    ended = resets[last] & (inner <= last)
    asked = np.flatnonzero((edges.right_between | (is_fresh & ~some)) & (inner <= last))
    ended[asked] = detect_resets(table, edges.right[asked], before_right[asked])
    place = np.flatnonzero(resets)
    before = np.concatenate([[0], np.cumsum(resets)])
    low = np.minimum(inner + (is_fresh & some), last)
    fallen = np.where(some, before[last] - before[low], 0)
    start = np.concatenate([[0], np.cumsum(begun + fallen + ended)]).astype(np.int64)
    member = np.empty(start[-1], np.int64)
    member[start[:-1][begun]] = edges.left[begun]
    part = np.concatenate([[0], np.cumsum(fallen)]).astype(np.int64)
    member[spread(start[:-1] + begun, part)] = row[place[spread(before[low], part)] - 1]
    member[start[1:][ended] - 1] = before_right[ended]
    return start, member
