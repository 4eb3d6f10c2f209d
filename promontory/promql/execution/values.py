"""What flows between operators: Steps (a vector), float64[k] (a scalar), Samples (a range vector), str.

Rows of Steps that are present at no time stand for nothing; `compact` takes them away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError
from promontory.kernels.matching import find_collision, merge_rows
from promontory.model.histograms import HistogramCells, concat_cells
from promontory.model.label_rows import LabelRows, concat_rows
from promontory.model.labels import METADATA_LABELS
from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.symbols import SymbolTable

Floats = NDArray[np.float64]
Value = Steps | Samples | Floats | str

SAME_LABELSET = "vector cannot contain metrics with the same labelset"


def held_samples(value: Value) -> int:
    """Return how many samples a value holds."""
    if isinstance(value, Steps):
        return int(np.count_nonzero(value.present))
    if isinstance(value, Samples):
        return len(value.values)
    return 0


def held_bytes(value: Value) -> int:
    """Return the bytes of a value's sample columns."""
    if isinstance(value, Steps):
        histograms = value.histograms.resident_bytes if value.histograms is not None else 0
        return value.values.nbytes + value.present.nbytes + histograms
    return value.resident_bytes if isinstance(value, Samples) else 0


def empty_steps(symbols: SymbolTable, count: int) -> Steps:
    """Return a vector without series over `count` times."""
    return make_steps(LabelRows.empty(symbols), np.empty((0, count)), np.zeros((0, count), np.bool_))


def make_steps(labels: LabelRows, values: Floats, present: NDArray[np.bool_]) -> Steps:
    """Return a vector none of whose names is marked to go."""
    return Steps(labels, values, present, np.zeros(len(labels), np.bool_))


def constant_steps(labels: LabelRows, values: Floats) -> Steps:
    """Return a vector of one series present at all times; values: float64[k]."""
    return make_steps(labels, values.reshape(1, -1), np.ones((1, len(values)), np.bool_))


def take_steps(steps: Steps, index: NDArray[np.int64]) -> Steps:
    """Return the rows at `index`, in that order."""
    histograms = steps.histograms.at(index) if steps.histograms is not None else None
    return Steps(
        steps.labels.take(index), steps.values[index], steps.present[index], steps.drop_name[index],
        histograms=histograms,
    )  # fmt: skip


def compact(steps: Steps) -> Steps:
    """Return the rows that are present at some time."""
    if steps.present.size and steps.present.all():
        return steps
    some: NDArray[np.bool_] = np.any(steps.present, axis=1)
    if some.all():
        return steps
    kept = take_steps(steps, np.flatnonzero(some))
    if steps.order is None:
        return kept
    place = np.cumsum(some) - 1
    return replace(kept, order=place[steps.order[some[steps.order]]])


def concat_steps(parts: Sequence[Steps], symbols: SymbolTable, count: int) -> Steps:
    """Return the rows of all parts, one after the other."""
    if not parts:
        return empty_steps(symbols, count)
    if len(parts) == 1:
        return parts[0]
    return Steps(
        labels=concat_rows([part.labels for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        present=np.concatenate([part.present for part in parts]),
        drop_name=np.concatenate([part.drop_name for part in parts]),
        histograms=concat_cells([part.histograms for part in parts], [part.values.shape for part in parts]),
    )


def merge_equal(steps: Steps) -> Steps:
    """Return the rows with those of equal labels made one. Raises ExecutionError where two meet at one time."""
    group, first = steps.labels.unique()
    if len(first) == len(steps):
        return steps
    refuse_collisions(steps.present, group, len(first))
    values = np.zeros((len(first), steps.values.shape[1]))
    present = np.zeros(values.shape, np.bool_)
    merge_rows(steps.values, steps.present, group, values, present)
    histograms = None
    if steps.histograms is not None:
        index = np.full(values.shape, -1, np.int32)
        row, time = np.nonzero(steps.held)
        index[group[row], time] = steps.histograms.index[row, time]
        histograms = HistogramCells(index, steps.histograms.table)
    return Steps(steps.labels.take(first), values, present, _merged_marks(steps, group), histograms=histograms)


def refuse_collisions(present: NDArray[np.bool_], group: NDArray[np.int32], groups: int) -> None:
    """Raise ExecutionError where two rows of one group are present, bool[n, k], at one time."""
    count = present.shape[1]
    owner = np.full((groups, count), -1, np.int32)
    if find_collision(present, group, np.ones(count, np.bool_), owner, np.empty(3, np.int64)):
        raise ExecutionError(SAME_LABELSET)


def knows_types(symbols: SymbolTable) -> bool:
    """Say whether some series has a label besides its name that describes the metric."""
    return any(symbols.find(name) is not None for name in METADATA_LABELS[1:])


def _merged_marks(steps: Steps, group: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return bool[g]: the mark of the row of each group that is present before the others."""
    beyond = np.ones((len(steps), 1), np.bool_)  # there may be no times at all
    earliest = np.concatenate([steps.present, beyond], axis=1).argmax(axis=1)
    order = np.lexsort((earliest, group))
    _, place = np.unique(group[order], return_index=True)
    marks: NDArray[np.bool_] = steps.drop_name[order[place]]
    return marks
