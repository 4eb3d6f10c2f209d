"""Rates over windows of histograms: rate, increase and delta, and the two of the last two samples.

The increase is one list of histograms a window, added in order:

    + last   - first   + each one before a counter reset after the first

Where the first sample is just before a reset its buckets do not matter: nothing is subtracted, only its successor's
custom bounds take part, by a histogram without observations. The result is a gauge.

Source: Prometheus 3.14, promql/functions.go, extrapolatedRate, histogramRate and instantValue.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.histogram_windows import growth_factors, least_schemas
from promontory.model.histograms import Histograms, ResetHint, concat_histograms
from promontory.promql.execution import annotations as texts
from promontory.promql.execution.histogram_algebra import add_lists, detect_resets, divide, scale
from promontory.promql.execution.histogram_lists import Found, Windows, find_histogram_resets, spread
from promontory.promql.execution.histogram_starts import begin_at_starts, find_begun, note_overlaps
from promontory.promql.execution.run import Run
from promontory.promql.execution.start_times import find_restarts
from promontory.promql.plan.position import Position

Flags = NDArray[np.bool_]
Index = NDArray[np.int64]
Schemas = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Rate:
    """What differs between rate, increase and delta: whether it is of a counter, and the seconds it is divided by."""

    counter: bool
    divisor: float = 1.0


@dataclass(frozen=True, slots=True)
class _Spans:
    """L windows of two histograms or more: `window` int64[L], their first and last samples, and which samples reset.

    restarted bool[L]: the second sample is after a reset, the first is not used
    """

    window: Index
    first: Index
    last: Index
    restarted: Flags

    def at(self, chosen: Flags) -> _Spans:
        return _Spans(self.window[chosen], self.first[chosen], self.last[chosen], self.restarted[chosen])


def evaluate_rate(run: Run, rate: Rate, windows: Windows, position: Position) -> Found:
    """Return the extrapolated increase of each window."""
    window = np.flatnonzero((windows.histograms > 1) & (windows.floats == 0))
    begun = find_begun(windows) if rate.counter else np.zeros(windows.count, np.bool_)
    if not len(window) and not begun.any():
        return Found(windows.values, windows.present, *windows.nothing)
    first, last = windows.low[window], windows.high[window] - 1
    resets = find_histogram_resets(windows) if rate.counter else np.zeros(len(windows.samples.values), np.bool_)
    if rate.counter:
        resets |= find_restarts(windows.samples)[0]
    spans = _Spans(window, first, last, resets[first + 1])
    spans = _check(run, rate, windows, spans, position)
    table = _increases(run, rate, windows, spans, resets, position)
    factor = np.empty(len(spans.window))
    times = windows.samples.timestamps_ms
    growth_factors(
        table.count, windows.cells.table.count[windows.table_row[spans.first]], times[spans.first], times[spans.last],
        spans.last - spans.first, windows.end_ms[spans.window], windows.range_ms, int(rate.counter), rate.divisor,
        factor,
    )  # fmt: skip
    found = Found(windows.values, windows.present, spans.window, scale(table, factor))
    if rate.counter:
        note_overlaps(run, windows, spans.window, position)
    if not begun.any():
        return found
    return begin_at_starts(run, windows, begun, spans.window, table, factor, rate.divisor, position)


def _check(run: Run, rate: Rate, windows: Windows, spans: _Spans, position: Position) -> _Spans:
    """Return the windows whose histograms fit together, having noted those that do not and what is no counter."""
    table, row = windows.cells.table, windows.table_row
    custom = windows.held & table.custom[row]
    gauge = windows.held & (table.hint[row] == ResetHint.GAUGE)
    first, last = spans.first, spans.last
    custom_first = np.where(spans.restarted, custom[first + 1], custom[first])
    unlike_ends = custom[last] != custom_first
    if rate.counter:
        inner = last - first - 1
        custom_inner = _count_between(custom, first + 1, last)
        unlike = ~unlike_ends & (custom_inner != np.where(custom_first, inner, 0))
        noted = gauge[first] | gauge[last] | (~unlike_ends & (_count_between(gauge, first + 1, last) > 0))
        windows.note(run.warn, texts.not_a_counter, spans.window[noted & ~unlike], position)
        unlike |= unlike_ends
    else:
        unlike = unlike_ends
        noted = ~(gauge[first] & gauge[last]) & ~unlike
        windows.note(run.warn, texts.not_a_gauge, spans.window[noted], position)
    windows.note(run.warn, texts.mixed_schemas, spans.window[unlike], position)
    return spans.at(~unlike)


def _count_between(marked: Flags, low: Index, high: Index) -> Index:
    before = np.concatenate([[0], np.cumsum(marked)])
    counts: Index = before[high] - before[low]
    return counts


def _increases(
    run: Run, rate: Rate, windows: Windows, spans: _Spans, resets: Flags, position: Position
) -> Histograms:  # fmt: skip
    """Return the increase of each window, not yet extrapolated."""
    table, row = windows.cells.table, windows.table_row
    first, last = row[spans.first], row[spans.last]
    blanks = np.flatnonzero(spans.restarted & table.custom[last])
    if len(blanks):
        second, restarts = row[spans.first[blanks] + 1], find_restarts(windows.samples)[0]
        first[blanks] = len(table) + np.arange(len(blanks))
        table = concat_histograms([table, _without_observations(table, second)])
    # A reset that the second sample is marked with adds the blank again: nothing, but bounds are compared once more.
    again = np.zeros(len(first), np.int64)
    if len(blanks):
        again[blanks] = (table.hint[second] == ResetHint.RESET) | restarts[spans.first[blanks] + 1]
    subtracted = ~spans.restarted | (first >= len(windows.cells.table))
    place = np.flatnonzero(resets)
    before = np.concatenate([[0], np.cumsum(resets)])
    from_reset = before[spans.first + 1 + spans.restarted]
    added = before[spans.last + 1] - from_reset
    start = np.concatenate([[0], np.cumsum(1 + subtracted + again + added)]).astype(np.int64)
    member, negative = np.empty(start[-1], np.int64), np.zeros(start[-1], np.bool_)
    member[start[:-1]] = last
    member[start[:-1][subtracted] + 1] = first[subtracted]
    negative[start[:-1][subtracted] + 1] = True
    member[start[:-1][again > 0] + 2] = first[again > 0]
    target = start[1:] - added
    edges = np.concatenate([[0], np.cumsum(added)]).astype(np.int64)
    member[spread(target, edges)] = row[place[spread(from_reset, edges)] - 1]
    combined = add_lists(
        table, start, member, run.stop, negative=negative, coarsest=_coarsest(run, rate, windows, spans)
    )  # fmt: skip
    assert not combined.failed.any()
    if combined.reconciled_less.any():
        run.inform(texts.reconciled_bounds("subtraction"), position)
    if combined.reconciled.any():
        run.inform(texts.reconciled_bounds("addition"), position)
    return as_gauges(combined.plain)


def _coarsest(run: Run, rate: Rate, windows: Windows, spans: _Spans) -> Schemas:
    """Return int32[L]: the schema that the histograms of each window have in common."""
    schema = np.ascontiguousarray(windows.cells.table.schema[windows.table_row])
    low = spans.first + spans.restarted
    if not rate.counter:
        return np.minimum(schema[low], schema[spans.last]).astype(np.int32)
    least = np.empty(len(low), np.int8)
    least_schemas(schema, low, spans.last + 1, run.stop, least)
    return least.astype(np.int32)


def _without_observations(table: Histograms, rows: Index) -> Histograms:
    """Return the layouts of the rows, with nothing in them."""
    none = np.zeros(len(rows))
    return Histograms(
        table.schema[rows], table.hint[rows], table.bounds[rows], none, none, none, none,
        np.zeros(len(rows) + 1, np.int64), np.empty(0, np.int32), np.empty(0), table.symbols,
    )  # fmt: skip


def as_gauges(table: Histograms) -> Histograms:
    """Return the histograms marked as gauges."""
    return replace(table, hint=np.full(len(table), ResetHint.GAUGE, np.uint8))


def evaluate_instant(run: Run, windows: Windows, position: Position, *, counter: bool) -> Found:
    """Return the difference between the last two samples of each window; a second where it is of a counter."""
    times, held = windows.samples.timestamps_ms, windows.held
    pair = np.flatnonzero(windows.high - windows.low >= 2)
    last = windows.high[pair] - 1
    apart = times[last] > times[last - 1]
    pair, last = pair[apart], last[apart]
    present = np.zeros(windows.count, np.bool_)
    present[pair[~held[last] & ~held[last - 1]]] = True
    windows.note(run.warn, texts.mixed_with_floats, pair[held[last] != held[last - 1]], position)
    both = held[last] & held[last - 1]
    pair, last = pair[both], last[both]
    table, row = windows.cells.table, windows.table_row
    now, before = row[last], row[last - 1]
    gauges = (table.hint[[now, before]] == ResetHint.GAUGE).sum(axis=0)
    if counter:
        windows.note(run.warn, texts.not_a_counter, pair[gauges > 0], position)
    else:
        windows.note(run.warn, texts.not_a_gauge, pair[gauges < 2], position)
    subtracted = np.ones(len(pair), np.bool_)
    if counter:
        subtracted = ~(detect_resets(table, now, before) | find_restarts(windows.samples)[0][last])
    start = np.concatenate([[0], np.cumsum(1 + subtracted)]).astype(np.int64)
    member, negative = np.empty(start[-1], np.int64), np.zeros(start[-1], np.bool_)
    member[start[:-1]] = now
    member[start[:-1][subtracted] + 1] = before[subtracted]
    negative[start[:-1][subtracted] + 1] = True
    combined = add_lists(table, start, member, run.stop, negative=negative)
    windows.note(run.warn, texts.mixed_schemas, pair[combined.failed], position)
    if combined.reconciled_less.any():
        run.inform(texts.reconciled_bounds("subtraction"), position)
    good = np.flatnonzero(~combined.failed)
    found = as_gauges(combined.plain.take(good))
    if counter:
        found = divide(found, (times[last] - times[last - 1])[good] / 1000.0)
    return Found(windows.values, present, pair[good], found)
