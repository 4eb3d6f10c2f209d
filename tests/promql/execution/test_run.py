"""What an evaluation charges to the budget of its query is given back, once, wherever it fails."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.errors import LimitError
from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.result import VectorResult
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import held_bytes
from tests.promql.execution.database import Database

GRID = TimeGrid(0, 540_000, 60_000)
QUERIES = (
    "x / x",
    "sum by (a) (x) + count by (a) (x)",
    "max(rate(x[5m])) / min(rate(x[5m]))",
    'x{b="1"} / ignoring(b) group_left () sum by (a) (x)',
    "topk by (a) (1, x)",
    "bottomk(scalar(y), x)",
    "limitk(2, x) or limit_ratio(0.5, x)",
    'count_values by (a) ("v", x)',
    "quantile by (a) (0.5, x) and on(a) x",
    "sum_over_time((x > 2)[3m:1m])",
    "quantile_over_time(scalar(y), x[5m])",
    "sort(x unless y) * on(a, b) x",
)


class Strict(Budget):
    """Lets so many charges and checks pass; held_bytes never falls below zero."""

    def __init__(self, allowed: int) -> None:
        super().__init__()
        self.left = allowed

    def charge(self, size_bytes: int) -> None:
        """Take bytes; the last charge is refused as by a limit, once they are taken."""
        super().charge(size_bytes)
        self.step()

    def release(self, size_bytes: int) -> None:
        """Give bytes back."""
        super().release(size_bytes)
        assert self.held_bytes >= 0, "more was given back than was held"

    def step(self) -> None:
        """Count a step of the query, and fail the last one."""
        self.left -= 1
        if not self.left:
            raise LimitError("enough")


class Watched(QueryContext):
    """A query each check of which is a step too."""

    def check(self) -> None:
        """Fail at the last step."""
        super().check()
        assert isinstance(self.budget, Strict)
        self.budget.step()


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as found:
        yield found


@pytest.fixture(scope="module")
def database() -> Database:
    database = Database().add("y", {}, [(time * 60_000, 0.5 + time) for time in range(10)])
    for place in range(8):
        points = [(time * 60_000, float(time * place % 5)) for time in range(10)]
        database.add("x", {"a": str(place % 3), "b": str(place)}, points)
    return database


@pytest.mark.parametrize("query", QUERIES)
def test_all_is_given_back_at_whatever_step_a_query_fails(
    query: str, database: Database, pool: ThreadPoolExecutor
) -> None:
    failed = 0
    while True:
        context = Watched(clock=SystemClock(), pool=pool, budget=Strict(failed + 1))
        try:
            result = database.answer(query, GRID, batch_rows=3, context=context)
        except LimitError:
            failed += 1
            assert context.budget.held_bytes == 0, f"after {failed} steps"
        else:
            break
    assert isinstance(result.value, VectorResult)
    assert context.budget.held_bytes == held_bytes(result.value.steps)
    assert failed > 10
    assert context.budget.peak_bytes > 0


def test_a_thread_that_is_still_at_it_charges_nothing_to_what_is_closed(pool: ThreadPoolExecutor) -> None:
    run = Run(QueryContext(clock=SystemClock(), pool=pool))
    run.charge(5)
    run.close()
    run.charge(7)
    run.give_back(5)
    assert run.context.budget.held_bytes == 0
