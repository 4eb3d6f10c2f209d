"""rate, increase, irate and resets of samples that say when their counters began.

Only samples that carry start times come here: a Pipeline takes them away where the feature is off, and a subquery
makes samples without.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels import start_times
from promontory.kernels.histogram_windows import find_windows
from promontory.model.label_rows import LabelRows
from promontory.model.samples import Samples
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.run import Run
from promontory.promql.execution.wording import quote
from promontory.promql.plan.position import Position

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

KINDS = {
    "increase": start_times.RATE,
    "irate": start_times.INSTANT,
    "rate": start_times.RATE,
    "resets": start_times.RESETS,
}


def find_restarts(samples: Samples) -> tuple[Flags, Flags]:
    """Return bool[m] twice: samples whose counter began anew after the one before, and those that contradict it."""
    restarted, overlapped = np.zeros(len(samples.values), np.bool_), np.zeros(len(samples.values), np.bool_)
    if samples.start_ms is not None:
        start_times.mark_starts(samples.row_start, samples.timestamps_ms, samples.start_ms, restarted, overlapped)
    return restarted, overlapped


def evaluate_started(
    run: Run, function: str, samples: Samples, ends: TimeGrid, count: int, range_ms: int
) -> tuple[Floats, Flags]:
    """Return (values, present), [n, count], of a function in KINDS over floats with start times."""
    assert samples.start_ms is not None
    values = np.empty((len(samples), count))
    present = np.zeros(values.shape, np.bool_)
    start_times.started_windows(
        KINDS[function], range_ms / 1000.0 if function == "rate" else 1.0,
        samples.row_start, samples.timestamps_ms, samples.values, samples.start_ms, find_restarts(samples)[0],
        ends.start_ms, ends.step_ms, range_ms,
        run.stop, np.empty(2 * count, np.int64), np.empty(int(np.diff(samples.row_start).max(initial=0)), np.int64),
        values, present,
    )  # fmt: skip
    return values, present


def warn_float_overlaps(
    run: Run, samples: Samples, ends: TimeGrid, range_ms: int, floats: Flags, position: Position
) -> None:  # fmt: skip
    """Note in which windows that gave a number, bool[n, count] `floats`, a counter began before the sample before."""
    if samples.start_ms is None:
        return
    overlapped = find_restarts(samples)[1]
    if not overlapped.any():
        return
    low, high = np.zeros(floats.shape, np.int64), np.zeros(floats.shape, np.int64)
    find_windows(
        samples.row_start, samples.timestamps_ms, ends.start_ms, ends.step_ms, range_ms, run.stop, low, high
    )  # fmt: skip
    warn_overlaps(run, samples.labels, floats & hold_marked(overlapped, low, high), position)


def hold_marked(marked: Flags, low: NDArray[np.int64], high: NDArray[np.int64]) -> Flags:
    """Return which windows [low, high) hold a marked sample behind their first."""
    before = np.concatenate([[0], np.cumsum(marked)])
    held: Flags = before[high] > before[np.minimum(low + 1, high)]
    return held


def warn_overlaps(run: Run, labels: LabelRows, windows: Flags, position: Position) -> None:
    """Note for each metric in how many windows, bool[n, k], a counter began before the sample before it."""
    counts = np.count_nonzero(windows, axis=1)
    names = labels.column(b"__name__")
    for row in np.flatnonzero(counts):
        run.warn_often(
            "sample has start time that overlaps with previous sample timestamp for metric"
            f" {quote(labels.symbols.text(int(names[row])))}",
            position, int(counts[row]),
        )  # fmt: skip
