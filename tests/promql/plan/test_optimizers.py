"""Optimizers change what is computed, and no answer: the same digits, annotations with their places, and errors."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest

from promontory.errors import PromontoryError
from promontory.model.result import VectorResult
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.execution import Execution
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.plan.ask_statistics import ASK_STATISTICS
from promontory.promql.plan.optimizer import Optimizer
from promontory.promql.plan.optimizers import OPTIMIZERS
from promontory.promql.plan.plan import PlanOptions, make_plan
from promontory.promql.plan.repeat_invariant import REPEAT_INVARIANT
from promontory.testing.promqltest.database import Database
from tests.promql.plan.repeating_queries import RepeatingQueries

LANGUAGE = ParserOptions(ALL_FEATURES)
GRIDS = (TimeGrid(240_000, 1_200_000, 60_000), TimeGrid(600_000, 600_000, 0), TimeGrid(300_000, 900_000, 97_000))
# What Prometheus does too, and where an answer may show it.
BEHAVIOUR = (ASK_STATISTICS, REPEAT_INVARIANT)
REWRITES = [found for found in OPTIMIZERS if found not in BEHAVIOUR]
QUERIES = 150


def told(query: str, grid: TimeGrid, database: Database, optimizers: Sequence[Optimizer], *, delayed: bool) -> object:
    """Return all that is told of an answer: labels, bits, annotations, or the error."""
    options = PlanOptions(text=query.encode(), delayed_names=delayed)
    try:
        plan = make_plan(parse_query(query, LANGUAGE), grid, options, optimizers=optimizers)
        execution = Execution(plan, database.context)
        for index, planned in enumerate(plan.selects):
            for samples in database.select(planned.selector).split(3):
                for part in execution.split(index, samples):
                    execution.absorb(index, execution.prepare(index, part))
        result = execution.finish()
    except PromontoryError as error:
        return type(error), str(error)
    assert isinstance(result.value, VectorResult)
    steps = result.value.steps
    cells = steps.histograms
    return (
        [str(steps.labels.labels(row)) for row in range(len(steps))],
        [value.hex() for value in steps.values[steps.floats].tolist()], steps.present.tolist(),
        None if cells is None or not steps.held.any() else (
            steps.held.tolist(), cells.table.take(cells.index[steps.held].astype(np.int64)).sum.tolist(),
            cells.table.take(cells.index[steps.held].astype(np.int64)).count.tolist(),
            cells.table.take(cells.index[steps.held].astype(np.int64)).hint.tolist(),
        ),
        sorted(result.annotations.warnings), sorted(result.annotations.infos),
        None if steps.order is None else steps.order.tolist(),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("optimizer", [*REWRITES, None], ids=lambda found: found.name if found else "all")
def test_answers_are_those_without_the_optimizer(optimizer: Optimizer | None, seed: int, database: Database) -> None:
    every = OPTIMIZERS if optimizer is None else [found for found in OPTIMIZERS if found in (*BEHAVIOUR, optimizer)]
    random = Random(seed)
    for _ in range(QUERIES // (1 if optimizer is None else 4)):
        query, grid = RepeatingQueries(random).vector(random.randint(1, 3)), random.choice(GRIDS)
        delayed = random.random() < 0.3
        expected = told(query, grid, database, BEHAVIOUR, delayed=delayed)
        assert told(query, grid, database, every, delayed=delayed) == expected, (query, grid)
