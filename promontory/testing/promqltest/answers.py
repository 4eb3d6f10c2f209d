"""What a query gave, as plain values: rows of points, a number, or a string."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.model.histograms import HistogramCells
from promontory.model.labels import Labels
from promontory.model.result import QueryResult, SamplesResult, ScalarResult, StringResult
from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid
from promontory.testing.histogram_values import histogram_at
from promontory.testing.promqltest.literals import Value

# The points of an instant vector have no times of their own: theirs is 0.
ONCE = TimeGrid(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Row:
    """A series and its points by time in ms."""

    labels: Labels
    points: Mapping[int, Value]


@dataclass(frozen=True, slots=True)
class Rows:
    """An instant vector, or a matrix: of a range query or of a range vector."""

    rows: Sequence[Row]
    is_matrix: bool


Answer = Rows | float | str


def read_answer(result: QueryResult) -> Answer:
    """Return an answer; that of a scalar over a grid is a matrix of one series without labels."""
    match result.value:
        case StringResult():
            return result.value.text
        case SamplesResult():
            return Rows(_rows_of_samples(result.value.samples), is_matrix=True)
        case ScalarResult() if result.value.grid.step_ms == 0:
            return float(result.value.steps.values[0, 0])
        case _:
            grid = result.value.grid
            is_matrix = grid.step_ms > 0
            return Rows(_rows_of_steps(result.value.steps, grid if is_matrix else ONCE), is_matrix=is_matrix)


def vector_at(answer: Rows, time_ms: int) -> Rows:
    """Return the instant vector that stands in a matrix at one time."""
    rows = [Row(row.labels, {0: row.points[time_ms]}) for row in answer.rows if time_ms in row.points]
    return Rows(rows, is_matrix=False)


def _rows_of_steps(steps: Steps, grid: TimeGrid) -> list[Row]:
    order = range(len(steps)) if steps.order is None else [int(row) for row in steps.order]
    return [
        Row(
            steps.labels.labels(row),
            {
                grid.start_ms + int(place) * grid.step_ms: _value(steps.values, steps.histograms, (row, int(place)))
                for place in np.flatnonzero(steps.present[row])
            },
        )
        for row in order
    ]


def _rows_of_samples(samples: Samples) -> list[Row]:
    return [
        Row(
            samples.labels.labels(row),
            {
                int(samples.timestamps_ms[place]): _value(samples.values, samples.histograms, (place,))
                for place in range(int(samples.row_start[row]), int(samples.row_start[row + 1]))
            },
        )
        for row in range(len(samples))
    ]


def _value(numbers: NDArray[np.float64], cells: HistogramCells | None, place: tuple[int, ...]) -> Value:
    if cells is None or cells.index[place] < 0:
        return Value(float(numbers[place]))
    return Value(histogram=histogram_at(cells.table, int(cells.index[place])))
