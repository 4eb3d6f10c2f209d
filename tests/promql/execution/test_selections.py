"""topk, bottomk, limitk, limit_ratio and count_values: however series come in batches, the answer is the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.errors import LimitError
from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.steps import Steps
from promontory.promql.execution.run import Run
from promontory.promql.execution.selections import SELECTIONS
from promontory.promql.execution.values import make_steps, take_steps
from promontory.promql.plan.nodes import Aggregate, Text

TIMES = 3
CELLS = st.sampled_from([None, 1.0, 2.0, 2.0, 3.5, float("nan"), float("inf"), -0.0])
ROWS = st.lists(st.tuples(*[CELLS] * TIMES), min_size=1, max_size=12)
CUTS = st.lists(st.integers(0, 12), max_size=4)
PARAMETERS = {"topk": 2.0, "bottomk": 3.0, "limitk": 2.0, "limit_ratio": -0.5}


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def steps_of(run: Run, rows: list[tuple[float | None, ...]]) -> Steps:
    labels = [Labels.from_mapping({b"group": b"%d" % (row % 2), b"row": b"%d" % row}) for row in range(len(rows))]
    present = np.array([[cell is not None for cell in row] for row in rows])
    values = np.array([[0.0 if cell is None else cell for cell in row] for row in rows])
    return make_steps(LabelRows.from_labels(labels, run.symbols), values, present)


def select(
    pool: ThreadPoolExecutor, op: str, rows: list[tuple[float | None, ...]], cuts: list[int], times: int = TIMES
) -> list[tuple[str, bytes, bytes]]:
    """Return the rows of the answer in their order, times without a value zeroed; `cuts` are where batches end."""
    run = Run(QueryContext(clock=SystemClock(), pool=pool))
    steps = steps_of(run, [row[:times] for row in rows])
    parameter = "value" if op == "count_values" else np.full(times, PARAMETERS[op])
    sink = SELECTIONS[op](run, Aggregate(op, Text(""), (b"group",)), times, parameter)
    for first, last in itertools.pairwise([0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]):
        sink.absorb(take_steps(steps, np.arange(first, last)))
    found = sink.finish()
    assert isinstance(found, Steps)
    assert run.context.budget.held_bytes == 0
    order = range(len(found)) if found.order is None else found.order.tolist()
    values = np.where(found.present, found.values, 0.0)
    return [(str(found.labels.labels(row)), values[row].tobytes(), found.present[row].tobytes()) for row in order]


@pytest.mark.parametrize("op", SELECTIONS)
@settings(max_examples=40, deadline=None)
@given(rows=ROWS, cuts=CUTS, times=st.sampled_from([1, TIMES]))
def test_batches_make_no_difference(
    pool: ThreadPoolExecutor, op: str, rows: list[tuple[float | None, ...]], cuts: list[int], times: int
) -> None:
    assert select(pool, op, rows, cuts, times) == select(pool, op, rows, [], times)


@pytest.mark.parametrize("op", ["topk", "bottomk", "limitk", "count_values"])
def test_what_is_held_does_not_grow_with_the_series(pool: ThreadPoolExecutor, op: str) -> None:
    peaks = []
    for batches in (10, 40):
        run = Run(QueryContext(clock=SystemClock(), pool=pool))
        parameter = "value" if op == "count_values" else np.full(500, 3.0)
        sink = SELECTIONS[op](run, Aggregate(op, Text(""), ()), 500, parameter)
        for batch in range(batches):
            # The first rows are the greatest or, for bottomk, the least of all.
            values = np.ones((20, 500)) * (-batch if op == "topk" else batch if op == "bottomk" else 1.0)
            labels = [Labels.from_mapping({b"row": b"%d" % (20 * batch + row)}) for row in range(20)]
            sink.absorb(make_steps(LabelRows.from_labels(labels, run.symbols), values, np.ones((20, 500), np.bool_)))
        sink.finish()
        peaks.append(run.context.budget.peak_bytes)
    assert peaks[0] == peaks[1] < 20 * 500 * 9


@pytest.mark.parametrize("op", ["topk", "limitk", "count_values"])
def test_what_is_held_counts_towards_the_memory_of_a_query(pool: ThreadPoolExecutor, op: str) -> None:
    run = Run(QueryContext(clock=SystemClock(), pool=pool, budget=Budget(1000)))
    parameter = "value" if op == "count_values" else np.full(TIMES, 100.0)
    sink = SELECTIONS[op](run, Aggregate(op, Text(""), ()), TIMES, parameter)
    steps = steps_of(run, [(float(row), 2.0 * row, 3.0) for row in range(100)])
    with pytest.raises(LimitError, match="more than the limit of 1000"):
        sink.absorb(steps)


def test_equal_texts_of_different_bits_are_one_value(pool: ThreadPoolExecutor) -> None:
    quiet, signed = np.array([0x7FF8000000000001, 0xFFF8000000000000], np.uint64).view(np.float64).tolist()
    rows = [(quiet, 1.0, quiet), (signed, None, 1.0), (float("nan"), signed, None)]
    found = select(pool, "count_values", [*rows, *rows], [2])
    by_labels = {labels: np.frombuffer(values).tolist() for labels, values, _ in found}
    assert by_labels == {
        '{group="0", value="1"}': [0, 1, 1], '{group="0", value="NaN"}': [3, 1, 1],
        '{group="1", value="1"}': [0, 1, 1], '{group="1", value="NaN"}': [3, 1, 1],
    }  # fmt: skip
