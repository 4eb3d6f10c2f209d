"""One number for each histogram of a vector, and vectors made of such numbers.

Many places may hold one row of the table (a look-up gives a sample again at each time until the next). Where what is
asked is the same at all times, each row is asked once.

Source: Prometheus 3.14, promql/functions.go (simpleHistogramFunc).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.model.histograms import Histograms
from promontory.model.steps import Steps
from promontory.promql.execution.histogram_statistics import Notes, Rows, averages, deviations, variances
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Floats

Evaluate = Callable[..., tuple[Floats, Notes]]
STATISTICS: dict[str, Callable[[Run, Histograms, Rows], Floats]] = {
    "histogram_avg": lambda _, table, rows: averages(table, rows),
    "histogram_count": lambda _, table, rows: table.count[rows],
    "histogram_stddev": lambda run, table, rows: deviations(table, rows, run.stop),
    "histogram_stdvar": lambda run, table, rows: variances(table, rows, run.stop),
    "histogram_sum": lambda _, table, rows: table.sum[rows],
}


@dataclass(frozen=True, slots=True)
class StatisticStage:
    """A function of each histogram; floats have no answer. Names are left to the stage behind."""

    run: Run
    function: str

    def apply(self, batch: Batch) -> Batch:
        """Return the rows with a number for each histogram."""
        assert isinstance(batch, Steps)

        def evaluate(table: Histograms, rows: Rows) -> tuple[Floats, Notes]:
            return STATISTICS[self.function](self.run, table, rows), np.zeros(len(rows), np.uint8)

        return evaluate_cells(batch, evaluate)[0]

    def finish(self) -> None:
        """Nothing is left."""


def evaluate_cells(steps: Steps, evaluate: Evaluate, *parameters: Floats) -> tuple[Steps, NDArray[np.uint8]]:
    """Return a vector of what `evaluate` says of each histogram, and its notes uint8[n, k]; floats are left out.

    parameters: float64[k] · evaluate(table, rows int64[p], *parameters float64[p]) -> (float64[p], uint8[p])
    """
    values, notes = np.zeros(steps.values.shape), np.zeros(steps.values.shape, np.uint8)
    held = steps.held
    answer = replace(steps, values=values, present=held, order=None, histograms=None)
    if steps.histograms is None or not held.any():
        return answer, notes
    table, index = steps.histograms.table, steps.histograms.index[held]
    if all(is_constant(parameter) for parameter in parameters):
        used = np.zeros(len(table), np.bool_)
        used[index] = True
        rows = np.flatnonzero(used)
        found, noted = evaluate(table, rows, *(np.full(len(rows), parameter[0]) for parameter in parameters))
        place = np.cumsum(used)[index] - 1
        values[held], notes[held] = found[place], noted[place]
    else:
        time = np.nonzero(held)[1]
        found, noted = evaluate(table, index.astype(np.int64), *(parameter[time] for parameter in parameters))
        values[held], notes[held] = found, noted
    return answer, notes


def is_constant(parameter: Floats) -> bool:
    """Say whether a scalar is the same at all times, of which there is one at least."""
    bits = parameter.view(np.uint64)
    return len(bits) > 0 and bool((bits == bits[0]).all())
