"""Random queries: a range answer is the instant answers at its times, however the series were cut into batches."""

from __future__ import annotations

import math
import random

import pytest

from promontory.errors import ExecutionError
from promontory.model.time_range import TimeGrid
from tests.promql.execution.database import STALE, Database, at

SELECTORS = (
    "x", "y", "z_total", 'x{p="a"}', '{__name__=~"x|y"}', "x offset 1m", "y offset -1m", "y @ 100", "nope", "vector(1)",
    "vector(time())",
)  # fmt: skip
WINDOWS = (
    "rate(z_total[{range}])", "irate(z_total[{range}])", "deriv(z_total[{range}])", "max_over_time(x[{range}])",
    "min_over_time(y[{range}])", "sum_over_time(x[{range}])", "avg_over_time(y[{range}])", "changes(x[{range}])",
    "resets(y[{range}])", "quantile_over_time(0.3, x[{range}])", "last_over_time(x[{range}])",
)  # fmt: skip
COMPOUNDS = (
    "max_over_time(({})[{range}:30s])", "count_over_time(({})[{range}:7s])", "sum by (p) ({})", "avg({})", "min({})",
    "max without (q) ({})", "count by (nope) ({})", "stddev by (__name__) ({})", "group({})", "topk(1, {})",
    "bottomk by (p) (2, {})", "quantile(0.5, {})", "abs({})", "timestamp({})", "clamp({}, 0, 2)", "absent({})", "-({})",
    "label_replace({}, 'r', '$1', 'p', '(.)')", "label_join({}, 'p', '', 'q')", "vector(scalar({}))", "({}) * 2",
    "({}) > 1", "2 == bool ({})", "({}) ^ scalar({})", "({}) + on (p, q) ({})", "({}) * on (p) group_left () ({})",
    "({}) > on (p) group_right (q) ({})", "({}) / ignoring (q) ({})", "({}) and ({})", "({}) or on (p) ({})",
    "({}) or ({})", "({}) unless ignoring (q) ({})",
)  # fmt: skip


def make_database(rng: random.Random) -> Database:
    database = Database()
    odd = (0.0, 1.0, 2.0, -1.0, 0.5, math.nan, math.inf, -math.inf, STALE)
    for number in range(12):
        times = sorted(rng.sample(range(-300_000, 900_000, 5_000), 60))
        labels = {"p": "ab"[number % 2], "q": "12"[number // 2 % 2]}
        name = ("x", "y", "z_total")[number % 3]
        points = [(time, float(place) if name == "z_total" else rng.choice(odd)) for place, time in enumerate(times)]
        database.add(name, labels, points)
    return database


def make_query(rng: random.Random, depth: int) -> str:
    span = rng.choice(["10s", "47s", "2m", "5m"])
    if depth == 0:
        return rng.choice([*SELECTORS, *(window.format(range=span) for window in WINDOWS)])
    shape = rng.choice(COMPOUNDS)
    return shape.format(*(make_query(rng, rng.randrange(depth)) for _ in range(2)), range=span)


def answer(database: Database, query: str, grid: TimeGrid, batch_rows: int) -> dict[str, list[float | None]] | str:
    """Return the rows that have a value, or which error there is."""
    try:
        rows = database.rows(query, grid, batch_rows=batch_rows)
    except ExecutionError as error:
        return str(error).partition("[")[0]
    return {labels: values for labels, values in rows.items() if any(value is not None for value in values)}


def column(rows: dict[str, list[float | None]], place: int) -> dict[str, float]:
    return {labels: value for labels, values in rows.items() if (value := values[place]) is not None}


@pytest.mark.parametrize("seed", range(150))
def test_a_range_is_its_steps_however_series_arrive(seed: int) -> None:
    rng = random.Random(seed)
    database, query = make_database(rng), make_query(rng, 3)
    grid = TimeGrid(rng.choice([-60_000, 0, 12_345]), rng.choice([150_000, 160_001]), rng.choice([30_000, 47_000]))
    whole = answer(database, query, grid, 100)
    one_by_one = answer(database, query, grid, 1)
    if isinstance(whole, str) or isinstance(one_by_one, str):
        assert isinstance(whole, str), query
        assert isinstance(one_by_one, str), query
        return
    for place, time_ms in enumerate(grid.times_ms().tolist()):
        alone = answer(database, query, at(time_ms), 3)
        assert not isinstance(alone, str), (query, time_ms, alone)
        expected = pytest.approx(column(whole, place), rel=1e-9, nan_ok=True)
        assert column(one_by_one, place) == expected, (query, time_ms)
        assert column(alone, 0) == expected, (query, time_ms)
