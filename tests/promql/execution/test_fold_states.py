"""The states of groups: in slabs, which no answer shows and which give back what they took."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from promontory.errors import LimitError
from promontory.kernels.aggregations import fold_sum
from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.promql.execution import fold_states
from promontory.promql.execution.fold_states import FoldStates
from promontory.promql.execution.run import Run

TIMES = 3
KINDS = (np.bool_, np.float64, np.float64)


@pytest.fixture
def run() -> Iterator[Run]:
    with ThreadPoolExecutor(1) as pool:
        yield Run(QueryContext(clock=SystemClock(), pool=pool, budget=Budget(10_000)))


@pytest.mark.parametrize("slab_cells", [1, 7, 1000])
def test_a_batch_may_touch_any_slabs(run: Run, slab_cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold_states, "SLAB_CELLS", slab_cells)
    random = np.random.default_rng(5)
    states = FoldStates(run, KINDS, count=TIMES)
    expected, seen = np.zeros((30, TIMES)), np.zeros((30, TIMES), np.bool_)
    for groups in (1, 4, 5, 30):
        group = random.integers(0, groups, 11).astype(np.int32)
        values, present = random.integers(0, 9, (11, TIMES)) * 1.0, random.random((11, TIMES)) < 0.7
        states.make_room(groups)
        states.fold(fold_sum, values, present, group)
        np.add.at(expected, group, np.where(present, values, 0.0))
        np.logical_or.at(seen, group, present)
        assert (states.seen(groups) == seen[:groups]).all()
    held = run.context.budget.held_bytes
    assert held >= 30 * TIMES * 17
    values, present = states.finish(lambda _, total, lost: total + lost, 30)
    assert (values == expected).all()
    assert (present == seen).all()
    assert run.context.budget.held_bytes == 0


def test_nothing_is_folded_without_rows(run: Run) -> None:
    states = FoldStates(run, KINDS, count=TIMES)
    states.fold(fold_sum, np.empty((0, TIMES)), np.empty((0, TIMES), np.bool_), np.empty(0, np.int32))
    values, present = states.finish(lambda _, total, lost: total + lost, 0)
    assert values.shape == present.shape == (0, TIMES)


def test_groups_that_are_too_many_are_refused(run: Run) -> None:
    with pytest.raises(LimitError, match="more than the limit of 10000"):
        FoldStates(run, KINDS, count=TIMES).make_room(1000)
