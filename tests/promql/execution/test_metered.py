"""Meters see what an evaluation does and change nothing of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np
import pytest

from promontory.errors import PromontoryError
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.result import VectorResult
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.execution import Execution
from promontory.promql.execution.meters import Meter, MeteredPool, Meters
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.plan.node_text import describe_node
from promontory.promql.plan.nodes import Common
from promontory.promql.plan.outline import outline_plan
from promontory.promql.plan.plan import Plan, PlanOptions, make_plan
from promontory.testing.promqltest.database import Database
from tests.promql.plan.repeating_queries import RepeatingQueries

GRID = TimeGrid(240_000, 1_200_000, 60_000)


def planned(query: str, grid: TimeGrid) -> Plan:
    return make_plan(parse_query(query, ParserOptions(ALL_FEATURES)), grid, PlanOptions(text=query.encode()))


def run(plan: Plan, database: Database, meters: Meters | None) -> VectorResult:
    execution = Execution(plan, database.context, meters=meters)
    for index, select in enumerate(plan.selects):
        for samples in database.select(select.selector).split(3):
            for part in execution.split(index, samples):
                execution.absorb(index, execution.prepare(index, part))
    result = execution.finish()
    assert isinstance(result.value, VectorResult)
    return result.value


def told(plan: Plan, database: Database, meters: Meters | None) -> object:
    try:
        steps = run(plan, database, meters).steps
    except PromontoryError as error:
        return type(error), str(error)
    labels = [str(steps.labels.labels(row)) for row in range(len(steps))]
    return labels, [value.hex() for value in steps.values[steps.floats].tolist()], steps.present.tolist()


def figures(query: str, database: Database, grid: TimeGrid = GRID) -> list[tuple[str, int, int]]:
    """Return (node, rows, samples) of each place that did something."""
    plan, meters = planned(query, grid), Meters()
    run(plan, database, meters)
    places = outline_plan(plan.root, plan.grid)
    assert len(places) == len(meters.places)
    return [
        (describe_node(place.node).split(" {")[0], meter.rows, meter.samples)
        for place, meter in zip(places, meters.places, strict=True) if meter.calls and meter.rows
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_answers_are_those_without_meters_and_the_root_gives_what_is_answered(seed: int, database: Database) -> None:
    random = Random(seed)
    for _ in range(60):
        query = RepeatingQueries(random).vector(random.randint(1, 3))
        try:
            plan, meters = planned(query, GRID), Meters()
        except PromontoryError:
            continue
        watched = told(plan, database, meters)
        assert watched == told(plan, database, None), query
        places = outline_plan(plan.root, plan.grid)
        assert len(meters.places) == len(places), query
        if isinstance(watched, tuple) and len(watched) == 3:
            root = next(number for number, place in enumerate(places) if not isinstance(place.node, Common))
            assert meters.places[root].samples == np.count_nonzero(watched[2]), query


def test_a_pipeline_counts_what_each_of_its_stages_gives(database: Database) -> None:
    # One series has 21 samples a minute apart, the other 19: all are within five minutes of a time of the grid.
    assert figures("sum(max_over_time(c[5m])) * 2", database) == [
        ("with scalar *", 1, 17), ("aggregate sum by ()", 1, 17), ("window max_over_time", 2, 34), ("read", 2, 40),
    ]  # fmt: skip


def test_what_is_shared_is_counted_once_and_a_subset_by_its_rows(database: Database) -> None:
    assert figures('max_over_time(c[5m]) - on (x) max_over_time(c{x="1"}[5m])', database) == [
        ("- on (x) one-to-one", 1, 17), ("window max_over_time", 2, 34), ("read", 2, 40),
        ("subset of common 1", 1, 17),
    ]  # fmt: skip


def test_a_subquery_counts_the_times_of_its_own(database: Database) -> None:
    assert figures("max_over_time((c * 2)[4m:2m])", database) == [
        ("window max_over_time", 2, 34), ("resample [4m:2m]", 2, 20), ("with scalar *", 2, 20), ("lookup", 2, 20),
        ("read", 2, 40),
    ]  # fmt: skip


def test_what_is_the_same_at_all_times_is_computed_at_one(database: Database) -> None:
    assert figures("c @ 600", database) == [("repeat", 2, 34), ("lookup", 2, 2), ("read", 2, 10)]


def test_helpers_in_the_pool_count_for_who_asked_them(database: Database) -> None:
    meters, whole, asking = Meters(), Meter(), Meter()
    with ThreadPoolExecutor(1) as threads:
        pool = MeteredPool(threads, meters, whole)
        context = QueryContext(clock=SystemClock(), pool=pool)
        busy = np.arange(1_000_000)
        meters.measure(asking, lambda: context.pool.submit(busy.sum).result())
        context.pool.submit(busy.sum).result()
    assert whole.cpu_ns > 0
    assert asking.cpu_ns > 0


def test_what_is_measured_within_something_measured_counts_once() -> None:
    meters, outer, inner = Meters(), Meter(), Meter()
    values = np.arange(3_000_000)
    meters.measure(outer, lambda: meters.measure(inner, values.sum))
    assert (outer.calls, inner.calls) == (1, 1)
    assert outer.cpu_ns < inner.cpu_ns
