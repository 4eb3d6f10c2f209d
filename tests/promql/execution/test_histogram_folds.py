"""sum and avg of native histograms: however series come in batches, they are what one after the other gives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.histograms import CUSTOM_SCHEMA, cells_of
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.result import Annotations
from promontory.model.steps import Steps
from promontory.promql.execution.folds import FoldSink
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import make_steps, take_steps
from promontory.promql.plan.nodes import Aggregate, Text
from promontory.testing.histogram_values import HistogramValue, histogram_at, histograms_of
from tests.promql.execution import plain_histograms as plain

TIMES = 2
PLAIN = HistogramValue(0, 3, 2, positive={1: 3.0})
FINER = HistogramValue(1, 5, 1, positive={2: 2.0, 5: 3.0})
CUSTOM = HistogramValue(CUSTOM_SCHEMA, 2, 2, positive={0: 2.0}, custom_values=(1.0,))
OTHER = HistogramValue(CUSTOM_SCHEMA, 4, 2, positive={0: 1.0, 1: 3.0}, custom_values=(2.0,))
CELLS = st.sampled_from([None, 1.5, PLAIN, PLAIN, FINER, CUSTOM, OTHER])
Cell = HistogramValue | float | None
Row = tuple[Cell, ...]

MIXED = "PromQL warning: encountered a mix of histograms and floats for aggregation"
SCHEMAS = (
    "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name"
)
BOUNDS = "PromQL info: mismatched custom buckets were reconciled during aggregation"


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def steps_of(run: Run, rows: list[Row]) -> Steps:
    labels = [
        Labels.from_mapping({b"__name__": b"x", b"group": b"%d" % (row % 2), b"row": b"%d" % row})
        for row in range(len(rows))
    ]
    held = np.array([[isinstance(cell, HistogramValue) for cell in row] for row in rows])
    present = np.array([[cell is not None for cell in row] for row in rows])
    values = np.array([[cell if isinstance(cell, float) else 0.0 for cell in row] for row in rows])
    table = histograms_of([cell for row in rows for cell in row if isinstance(cell, HistogramValue)], run.symbols)
    steps = make_steps(LabelRows.from_labels(labels, run.symbols), values, present)
    return Steps(steps.labels, values, present, steps.drop_name, histograms=cells_of(held, table))


def fold(
    pool: ThreadPoolExecutor, op: str, rows: list[Row], batches: list[int]
) -> tuple[list[list[Cell]], Annotations]:
    """Return the groups' results and what was noted; `batches` are where to cut."""
    run = Run(QueryContext(clock=SystemClock(), pool=pool))
    steps = steps_of(run, rows)
    sink = FoldSink(run, Aggregate(op, Text(""), (b"group",)), count=TIMES)
    ends = [0, *sorted(min(cut, len(rows)) for cut in batches), len(rows)]
    for first, last in itertools.pairwise(ends):
        if last > first:
            sink.absorb(take_steps(steps, np.arange(first, last)))
    result = sink.finish()
    assert isinstance(result, Steps)
    assert run.context.budget.held_bytes == 0
    return [[cell_of(result, row, time) for time in range(TIMES)] for row in range(len(result))], run.annotations()


def cell_of(steps: Steps, row: int, time: int) -> Cell:
    if not steps.present[row, time]:
        return None
    if steps.histograms is not None and steps.histograms.index[row, time] >= 0:
        return histogram_at(steps.histograms.table, int(steps.histograms.index[row, time]))
    return float(steps.values[row, time])


def add_up(cells: list[Cell], notes: set[str]) -> Cell:
    """Return what the cells of one group at one time come to, as Prometheus adds them."""
    total, float_seen, histogram_seen, failed = None, 0.0, False, False
    seen = [cell for cell in cells if cell is not None]
    for place, cell in enumerate(seen):
        if failed:
            continue
        if isinstance(cell, float):
            float_seen += cell
            continue
        histogram_seen = True
        if place == 0:
            total = cell
        elif total is not None:
            if total.schema == cell.schema == CUSTOM_SCHEMA and total.custom_values != cell.custom_values:
                notes.add(BOUNDS)
            added = plain.add(total, cell)
            failed = added is None
            total = added or total
            notes |= {f'{SCHEMAS} "x"'} if failed else set()
    if histogram_seen and float_seen:
        notes.add(MIXED)
        return None
    return None if failed else total if histogram_seen else float_seen or None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(*[CELLS] * TIMES), min_size=1, max_size=9),
    st.lists(st.integers(0, 9), max_size=3),
)
def test_a_sum_does_not_depend_on_the_batches(
    pool: ThreadPoolExecutor, rows: list[Row], batches: list[int]
) -> None:  # fmt: skip
    notes: set[str] = set()
    groups = [[add_up([row[time] for row in rows[first::2]], notes) for time in range(TIMES)] for first in (0, 1)]
    found, noted = fold(pool, "sum", rows, batches)
    assert found == [group for group in groups if group != [None] * TIMES]
    assert {*noted.warnings, *noted.infos} == notes


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[CELLS] * TIMES), min_size=1, max_size=9),
    st.lists(st.integers(0, 9), max_size=3),
)
def test_a_mean_does_not_depend_on_the_batches(
    pool: ThreadPoolExecutor, rows: list[Row], batches: list[int]
) -> None:  # fmt: skip
    assert fold(pool, "avg", rows, batches) == fold(pool, "avg", rows, [])
