"""Functions over windows that may hold histograms.

Each window is one of four: it holds floats, histograms, both or nothing. The floats are evaluated by the kernels of
floats over samples that have only them; here a rule for each function says which of those values stand, what is
noted, and which lists of histograms make a value.

    rows with histograms ──► blocks ──► Windows (spans of samples) ──► rule ──► Found ──► cells of the answer

Source: Prometheus 3.14, promql/functions.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.histogram_windows import find_windows
from promontory.model.histograms import HistogramCells, Histograms, concat_histograms
from promontory.model.samples import Samples
from promontory.model.time_range import TimeGrid
from promontory.promql.execution import annotations as texts
from promontory.promql.execution.histogram_algebra import equal_pairs
from promontory.promql.execution.histogram_lists import (
    Found,
    Windows,
    average_windows,
    find_histogram_resets,
    sum_windows,
)
from promontory.promql.execution.histogram_rates import Rate, evaluate_instant, evaluate_rate
from promontory.promql.execution.run import Run
from promontory.promql.execution.start_times import find_restarts
from promontory.promql.plan.position import Position

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.int64]

# Windows that are evaluated together: their spans and results are columns in memory.
BLOCK_WINDOWS = 1 << 18
# These see that a sample is there and when, and not what it is.
INDIFFERENT = frozenset({
    "count_over_time", "present_over_time", "ts_of_first_over_time", "ts_of_last_over_time",
})  # fmt: skip
# Those that choose a sample, and whether it is the first.
CHOOSING = {"first_over_time": True, "last_over_time": False}

Rule = Callable[[Run, Windows, Position], Found]


def evaluate_mixed(
    run: Run, function: str, samples: Samples, ends: TimeGrid, range_ms: int, position: Position,
    evaluate_floats: Callable[[Samples], tuple[Floats, Flags]],
) -> tuple[Floats, Flags, HistogramCells | None]:  # fmt: skip
    """Return (values, present, histograms) of the windows that end at `ends`.

    `samples` hold histograms; `evaluate_floats` evaluates samples that do not, at the same windows.
    """
    cells = samples.histograms
    assert cells is not None
    bare = replace(samples, histograms=None)
    if function in INDIFFERENT:
        return *evaluate_floats(bare), None
    held = cells.held
    choosing = function in CHOOSING
    values, present = evaluate_floats(bare if choosing else bare.keep(~held))
    before = np.concatenate([[0], np.cumsum(held)])
    rows = np.flatnonzero(before[samples.row_start[1:]] > before[samples.row_start[:-1]])
    index = np.full(present.shape, -1, np.int32)
    tables: list[Histograms] = [cells.table] if choosing else []
    made = 0
    for block in _blocks(rows, present.shape[1]):
        windows = _find(run, samples.take(block), ends, range_ms, present.shape[1], values[block], present[block])
        if choosing:
            index[block] = _choose(windows, first=CHOOSING[function])
            continue
        found = RULES.get(function, _ignore)(run, windows, position)
        values[block], present[block] = windows.shaped(found.values), windows.shaped(found.present)
        places = np.full(windows.count, -1, np.int32)
        places[found.where] = np.arange(made, made + len(found.where), dtype=np.int32)
        present[block] |= windows.shaped(places >= 0)
        index[block] = windows.shaped(places)
        made += len(found.where)
        tables.append(found.table)
        run.expect_bytes(sum(table.resident_bytes for table in tables))
    if not (index >= 0).any():
        return values, present, None
    return values, present, HistogramCells(index, concat_histograms(tables)).compact()


def _blocks(rows: Index, count: int) -> Iterator[Index]:
    size = max(1, BLOCK_WINDOWS // max(count, 1))
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def _find(
    run: Run, samples: Samples, ends: TimeGrid, range_ms: int, count: int, values: Floats, present: Flags
) -> Windows:
    low = np.zeros((len(samples), count), np.int64)
    high = np.zeros_like(low)
    find_windows(
        samples.row_start, samples.timestamps_ms, ends.start_ms, ends.step_ms, range_ms, run.stop, low, high
    )  # fmt: skip
    end_ms = ends.start_ms + ends.step_ms * np.arange(count, dtype=np.int64)
    return Windows.over(samples, low, high, end_ms, range_ms, values, present)


def _choose(windows: Windows, *, first: bool) -> NDArray[np.int32]:
    """Return the histogram each window shows, -1 where it shows a float or nothing."""
    place = windows.low if first else windows.high - 1
    filled = windows.high > windows.low
    return windows.shaped(np.where(filled, windows.cells.index[np.where(filled, place, 0)], np.int32(-1)))


def _ignore(run: Run, windows: Windows, position: Position) -> Found:
    """Functions of floats: histograms beside them are left out, and that is noted."""
    windows.note(run.inform, texts.histograms_ignored, windows.mixed, position)
    return Found(windows.values, windows.present, *windows.nothing)


def _total(run: Run, windows: Windows, position: Position) -> Found:
    return sum_windows(run, _unmixed(run, windows, position), position)


def _average(run: Run, windows: Windows, position: Position) -> Found:
    return average_windows(run, _unmixed(run, windows, position), position)


def _unmixed(run: Run, windows: Windows, position: Position) -> Windows:
    """Return the windows without the values of those that hold floats and histograms, which is noted."""
    mixed = windows.mixed
    windows.note(run.warn, texts.mixed_with_floats, mixed, position)
    return replace(windows, present=windows.present & ~mixed)


def _rate(run: Run, windows: Windows, position: Position) -> Found:
    rate = Rate(counter=True, divisor=windows.range_ms / 1000.0)
    return evaluate_rate(run, rate, _unmixed(run, windows, position), position)


def _increase(run: Run, windows: Windows, position: Position) -> Found:
    return evaluate_rate(run, Rate(counter=True), _unmixed(run, windows, position), position)


def _delta(run: Run, windows: Windows, position: Position) -> Found:
    return evaluate_rate(run, Rate(counter=False), _unmixed(run, windows, position), position)


def _instant_rate(run: Run, windows: Windows, position: Position) -> Found:
    return evaluate_instant(run, windows, position, counter=True)


def _instant_delta(run: Run, windows: Windows, position: Position) -> Found:
    return evaluate_instant(run, windows, position, counter=False)


def _resets(run: Run, windows: Windows, position: Position) -> Found:
    fallen = windows.neighbours & ~windows.held[1:] & ~windows.held[:-1]
    fallen &= windows.samples.values[1:] < windows.samples.values[:-1]
    turned = windows.neighbours & (windows.held[1:] != windows.held[:-1])
    restarted = find_restarts(windows.samples)[0]
    return _count(windows, fallen | turned | (find_histogram_resets(windows) | restarted)[1:])


def _changes(run: Run, windows: Windows, position: Position) -> Found:
    values, held = windows.samples.values, windows.held
    same = (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
    changed = windows.neighbours & ~same & ~held[1:] & ~held[:-1]
    turned = windows.neighbours & (held[1:] != held[:-1])
    pairs = np.flatnonzero(windows.neighbours & held[1:] & held[:-1])
    index, table = windows.cells.index.astype(np.int64), windows.cells.table
    changed[pairs] = ~equal_pairs(table, index[pairs + 1], table, index[pairs])
    return _count(windows, changed | turned)


def _count(windows: Windows, marked: Flags) -> Found:
    """Count the marked samples of each window but its first; `marked` tells of the samples 1, 2, …"""
    before = np.concatenate([[0, 0], np.cumsum(marked)])
    filled = windows.high > windows.low
    counts = before[windows.high] - before[np.minimum(windows.low + 1, windows.high)]
    return Found(np.where(filled, counts, 0).astype(np.float64), filled, *windows.nothing)


RULES: dict[str, Rule] = {
    "avg_over_time": _average,
    "changes": _changes,
    "delta": _delta,
    "idelta": _instant_delta,
    "increase": _increase,
    "irate": _instant_rate,
    "rate": _rate,
    "resets": _resets,
    "sum_over_time": _total,
}
