"""Series of one metric that are told apart by their types alone, where names are dropped at once."""

from __future__ import annotations

import pytest

from promontory.errors import ExecutionError
from promontory.model.time_range import TimeGrid
from tests.promql.execution.database import Database

MINUTE_MS = 60_000
STALE_MS = 6 * MINUTE_MS
GRID = TimeGrid(0, STALE_MS, STALE_MS)


def typed(second_ms: int) -> Database:
    database = Database().add("x", {"__type__": "gauge"}, [(0, -1.0)])
    return database.add("x", {"__type__": "unknown"}, [(second_ms, -2.0)])


@pytest.mark.parametrize("batch_rows", [1, 2])
@pytest.mark.parametrize(
    "query", ["abs(x)", "x * -1", "sum(abs(x))", "topk(1, abs(x))", "abs(x) + on() abs(x) - on() abs(x)"]
)
def test_a_series_that_changes_its_type_is_one(query: str, batch_rows: int) -> None:
    assert typed(STALE_MS).rows(query, GRID, batch_rows=batch_rows) == {"{}": [1.0, 2.0]}


@pytest.mark.parametrize("batch_rows", [1, 2])
@pytest.mark.parametrize("query", ["abs(x)", "sum(abs(x))"])
def test_two_types_at_one_time_are_refused(query: str, batch_rows: int) -> None:
    with pytest.raises(ExecutionError, match=r"^vector cannot contain metrics with the same labelset$"):
        typed(MINUTE_MS).rows(query, TimeGrid(0, MINUTE_MS, MINUTE_MS), batch_rows=batch_rows)


@pytest.mark.parametrize("query", ["count_over_time(x[1m])", "count_over_time(abs(x)[1m:30s])"])
def test_windows_of_two_types_are_refused_whatever_their_times(query: str) -> None:
    with pytest.raises(ExecutionError, match=r"^vector cannot contain metrics with the same labelset$"):
        typed(STALE_MS).rows(query, GRID)
